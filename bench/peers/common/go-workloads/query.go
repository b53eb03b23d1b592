package workloads

import (
	"fmt"
	"net/url"
	"strconv"
)

const (
	defaultN = 1_000_000
	maxN     = 100_000_000
	maxSeed  = 1<<31 - 1
)

// NoParameters returns an error unless the raw query is empty.
func NoParameters(query string) error {
	_, err := numbers(query, nil)
	return err
}

// Count returns the parameter count of a raw query, or records, which is also the most it may be.
func Count(query string, records int) (int, error) {
	if query == "" {
		return records, nil
	}
	given, err := numbers(query, map[string]int64{"count": int64(records)})
	if count, ok := given["count"]; ok {
		return int(count), err
	}
	return records, err
}

// LoopArguments returns the parameters n and seed of a raw query, or their defaults.
func LoopArguments(query string) (n, seed int64, err error) {
	n = defaultN
	if query == "" {
		return n, 0, nil
	}
	given, err := numbers(query, map[string]int64{"n": maxN, "seed": maxSeed})
	if value, ok := given["n"]; ok {
		n = value
	}
	return n, given["seed"], err
}

// numbers parses a raw query; limits maps the known parameters to their largest values.
func numbers(query string, limits map[string]int64) (map[string]int64, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	given := make(map[string]int64, len(values))
	for name, texts := range values {
		limit, known := limits[name]
		if !known {
			return nil, fmt.Errorf("%q is not a parameter of this path", name)
		}
		if len(texts) != 1 {
			return nil, fmt.Errorf("%s is given more than once", name)
		}
		// ParseUint takes decimal digits only: no sign, no space, no underscore in base 10.
		value, err := strconv.ParseUint(texts[0], 10, 63)
		if err != nil || int64(value) > limit {
			return nil, fmt.Errorf("%s must be a number from 0 to %d", name, limit)
		}
		given[name] = int64(value)
	}
	return given, nil
}

package workloads

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
)

const (
	defaultN = 1_000_000
	maxN     = 100_000_000
	maxSeed  = 1<<31 - 1

	maxRepetitions = 8

	defaultWait = 100
	maxWait     = 60_000

	// One stands for a body that is a record, not an array of them.
	One        = -1
	maxInArray = 1000

	// MaxBody is the size in bytes of the largest body that POST /validate takes.
	MaxBody = 1 << 20
)

// limits is what a parameter may be, both ends included.
type limits struct{ least, most int64 }

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
	given, err := numbers(query, map[string]limits{"count": {0, int64(records)}})
	if count, ok := given["count"]; ok {
		return int(count), err
	}
	return records, err
}

// CountAndDigest returns the parameter count of a raw query, or records, and the digest that is asked for instead of a number.
func CountAndDigest(query string, records int) (int, Digest, error) {
	if query == "" {
		return records, Digest{}, nil
	}
	given, err := numbers(query, map[string]limits{
		"count": {0, int64(records)}, "digest": {1, maxRepetitions}, "seed": {0, maxSeed},
	})
	if err != nil {
		return 0, Digest{}, err
	}
	if _, isSeeded := given["seed"]; isSeeded && given["digest"] == 0 {
		return 0, Digest{}, errors.New("seed is a parameter of this path with digest alone")
	}
	count, ok := given["count"]
	if !ok {
		count = int64(records)
	}
	return int(count), Digest{Repetitions: int(given["digest"]), Seed: given["seed"]}, nil
}

// LoopArguments returns the parameters n and seed of a raw query, or their defaults.
func LoopArguments(query string) (n, seed int64, err error) {
	n = defaultN
	if query == "" {
		return n, 0, nil
	}
	given, err := numbers(query, map[string]limits{"n": {0, maxN}, "seed": {0, maxSeed}})
	if value, ok := given["n"]; ok {
		n = value
	}
	return n, given["seed"], err
}

// WaitArgument returns the parameter ms of a raw query, or its default: milliseconds.
func WaitArgument(query string) (int64, error) {
	if query == "" {
		return defaultWait, nil
	}
	given, err := numbers(query, map[string]limits{"ms": {0, maxWait}})
	if ms, ok := given["ms"]; ok {
		return ms, err
	}
	return defaultWait, err
}

// ValidateCount returns how many records the body of POST /validate has to hold, or One.
func ValidateCount(query string) (int, error) {
	if query == "" {
		return One, nil
	}
	given, err := numbers(query, map[string]limits{"count": {0, maxInArray}})
	if count, ok := given["count"]; ok {
		return int(count), err
	}
	return One, err
}

// Position returns the number that a segment of a path is, or an error unless it is decimal digits. One that is
// too large for an int is returned as the largest.
func Position(segment string) (int, error) {
	number, err := strconv.ParseUint(segment, 10, strconv.IntSize-1)
	if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt, nil
	}
	return int(number), err
}

// numbers parses a raw query; known maps the parameters of the path to what they may be.
func numbers(query string, known map[string]limits) (map[string]int64, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	return numbersOf(values, known)
}

func numbersOf(values url.Values, known map[string]limits) (map[string]int64, error) {
	given := make(map[string]int64, len(values))
	for name, texts := range values {
		allowed, isKnown := known[name]
		if !isKnown {
			return nil, fmt.Errorf("%q is not a parameter of this path", name)
		}
		if len(texts) != 1 {
			return nil, fmt.Errorf("%s is given more than once", name)
		}
		// ParseUint takes decimal digits only: no sign, no space, no underscore in base 10.
		value, err := strconv.ParseUint(texts[0], 10, 63)
		if err != nil || int64(value) < allowed.least || int64(value) > allowed.most {
			return nil, fmt.Errorf("%s must be a number from %d to %d", name, allowed.least, allowed.most)
		}
		given[name] = int64(value)
	}
	return given, nil
}

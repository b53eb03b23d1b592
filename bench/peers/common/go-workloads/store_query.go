package workloads

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxIDs       = 100
	maxText      = 64 // bytes
	defaultLimit = 50
	maxLimit     = 100
)

// ID returns the parameter id of a raw query, which has to be there: a row's key.
func ID(query string) (int64, error) {
	given, err := numbers(query, map[string]limits{"id": {0, math.MaxInt64}})
	if err != nil {
		return 0, err
	}
	id, isThere := given["id"]
	if !isThere {
		return 0, errors.New("id is missing")
	}
	return id, nil
}

// IDs returns the parameter ids of a raw query, which has to be there: 1 to 100 rows' keys with commas between, in the order asked.
func IDs(query string) ([]int64, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, err
	}
	if len(values) != 1 || len(values["ids"]) != 1 {
		return nil, errors.New("ids has to be given, once, and nothing else")
	}
	words := strings.SplitN(values["ids"][0], ",", maxIDs+1)
	if len(words) > maxIDs {
		return nil, fmt.Errorf("ids must be at most %d numbers", maxIDs)
	}
	ids := make([]int64, len(words))
	for i, word := range words {
		id, err := strconv.ParseUint(word, 10, 63)
		if err != nil {
			return nil, errors.New("ids must be decimal numbers of 63 bits with commas between")
		}
		ids[i] = int64(id)
	}
	return ids, nil
}

// Search returns the parameters q and limit of a raw query: a category, which has to be there, and the most rows that are wanted.
func Search(query string) (q string, limit int, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", 0, err
	}
	texts := values["q"]
	if len(texts) != 1 {
		return "", 0, errors.New("q has to be given, once")
	}
	q = texts[0]
	// No text of PostgreSQL holds U+0000.
	if len(q) < 1 || len(q) > maxText || !utf8.ValidString(q) || strings.Contains(q, "\x00") {
		return "", 0, fmt.Errorf("q must be 1 to %d bytes of UTF-8 without U+0000", maxText)
	}
	delete(values, "q")
	given, err := numbersOf(values, map[string]limits{"limit": {1, maxLimit}})
	if err != nil {
		return "", 0, err
	}
	if asked, isThere := given["limit"]; isThere {
		return q, int(asked), nil
	}
	return q, defaultLimit, nil
}

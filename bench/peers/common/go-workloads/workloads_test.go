package workloads

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestLoopVectors(t *testing.T) {
	for _, c := range []struct{ n, seed, want int64 }{
		{1000000, 0, 249999500000}, {1000000, 1, -250000499999}, {1000000, 12345, -250000487655},
		{1000000, 2147483647, -247853016353}, {10, 3, 1000018}, {0, 7, 7},
	} {
		if got := Loop(c.n, c.seed); got != c.want {
			t.Errorf("Loop(%d, %d) = %d, want %d", c.n, c.seed, got, c.want)
		}
	}
}

func TestQuery(t *testing.T) {
	for _, query := range []string{"count", "count=", "count=-1", "count=+1", "count=1_0", "count=11", "count=1&count=1",
		"n=1", "count=%zz", "count=1;count=2", "count=1&x=1"} {
		if count, err := Count(query, 10); err == nil {
			t.Errorf("Count(%q) = %d, want an error", query, count)
		}
	}
	for query, want := range map[string]int{"": 10, "count=0": 0, "count=10": 10, "coun%74=%37": 7} {
		if count, err := Count(query, 10); err != nil || count != want {
			t.Errorf("Count(%q) = %d, %v, want %d", query, count, err, want)
		}
	}
	if n, seed, err := LoopArguments("seed=5"); n != 1000000 || seed != 5 || err != nil {
		t.Errorf("LoopArguments(seed=5) = %d, %d, %v", n, seed, err)
	}
	if _, _, err := LoopArguments("n=100000001"); err == nil {
		t.Error("n above its limit must be an error")
	}
	if NoParameters("x=1") == nil || NoParameters("") != nil {
		t.Error("NoParameters")
	}
}

func TestQueriesOfTheThreeMoreRoutes(t *testing.T) {
	for query, want := range map[string]int64{"": 100, "ms=0": 0, "ms=60000": 60000, "ms=007": 7} {
		if ms, err := WaitArgument(query); err != nil || ms != want {
			t.Errorf("WaitArgument(%q) = %d, %v, want %d", query, ms, err, want)
		}
	}
	for query, want := range map[string]int{"": One, "count=0": 0, "count=1000": 1000} {
		if count, err := ValidateCount(query); err != nil || count != want {
			t.Errorf("ValidateCount(%q) = %d, %v, want %d", query, count, err, want)
		}
	}
	for _, query := range []string{"ms=", "ms=-1", "ms=60001", "ms=1&ms=1", "ms=1.0", "count=1001", "count=-1", "count=", "x=1"} {
		if ms, err := WaitArgument(query); err == nil {
			t.Errorf("WaitArgument(%q) = %d, want an error", query, ms)
		}
		if count, err := ValidateCount(query); err == nil {
			t.Errorf("ValidateCount(%q) = %d, want an error", query, count)
		}
	}
}

func TestPosition(t *testing.T) {
	for segment, want := range map[string]int{"0": 0, "007": 7, "999": 999, "99999999999999999999": math.MaxInt} {
		if number, err := Position(segment); err != nil || number != want {
			t.Errorf("Position(%q) = %d, %v, want %d", segment, number, err, want)
		}
	}
	for _, segment := range []string{"", "-1", "+1", "1.5", "0x1", "1_0", "abc", "²", "1\x00"} {
		if number, err := Position(segment); err == nil {
			t.Errorf("Position(%q) = %d, want an error", segment, number)
		}
	}
}

func TestCollections(t *testing.T) {
	if len(Collections) != 33 || !slices.IsSorted(Collections) {
		t.Errorf("%d collections, want 33, sorted", len(Collections))
	}
}

func TestCountAndDigest(t *testing.T) {
	for _, query := range []string{"digest", "digest=", "digest=0", "digest=9", "digest=-1", "digest=1&digest=1", "digest=1&seed=",
		"digest=1&seed=2147483648", "digest=1&seed=1&seed=1", "digest=1&n=1", "digest=1&count=11", "seed=1", "seed=0&count=1"} {
		if count, asked, err := CountAndDigest(query, 10); err == nil {
			t.Errorf("CountAndDigest(%q) = %d, %v, want an error", query, count, asked)
		}
	}
	for query, want := range map[string]struct {
		count int
		asked Digest
	}{
		"": {10, Digest{}}, "count=7": {7, Digest{}}, "digest=8": {10, Digest{8, 0}}, "digest=1&seed=2147483647": {10, Digest{1, 2147483647}},
		"seed=5&count=0&digest=2": {0, Digest{2, 5}}, "dige%73t=%31": {10, Digest{1, 0}},
	} {
		if count, asked, err := CountAndDigest(query, 10); err != nil || count != want.count || asked != want.asked {
			t.Errorf("CountAndDigest(%q) = %d, %v, %v, want %v", query, count, asked, err, want)
		}
	}
}

func TestCheckRecord(t *testing.T) {
	good := func() map[string]any {
		return map[string]any{"id": int64(1), "name": "", "description": "", "type": "", "count": uint64(1), "created_at": 1.5}
	}
	if err := CheckRecord(good()); err != nil {
		t.Error(err)
	}
	for name, value := range map[string]any{"id": "1", "count": uint64(math.MaxUint64), "name": []byte("x"), "type": "\xff",
		"created_at": int64(1), "description": nil} {
		record := good()
		record[name] = value
		if CheckRecord(record) == nil {
			t.Errorf("%s = %v must be an error", name, value)
		}
	}
	record := good()
	delete(record, "name")
	if CheckRecord(record) == nil {
		t.Error("a missing field must be an error")
	}
	if record["other"] = ""; CheckRecord(record) == nil {
		t.Error("an unknown field must be an error")
	}
}

func TestQueriesOfTheStores(t *testing.T) {
	for query, want := range map[string]int64{"id=0": 0, "id=007": 7, "i%64=%37": 7, "id=9223372036854775807": math.MaxInt64} {
		if id, err := ID(query); err != nil || id != want {
			t.Errorf("ID(%q) = %d, %v, want %d", query, id, err, want)
		}
	}
	for _, query := range []string{"", "id=", "id=-1", "id=1&id=1", "id=1&x=1", "id=9223372036854775808", "id=1.0", "id=1'--", "ids=1"} {
		if id, err := ID(query); err == nil {
			t.Errorf("ID(%q) = %d, want an error", query, id)
		}
	}
	for query, want := range map[string][]int64{"ids=5": {5}, "ids=3,1,3": {3, 1, 3}, "ids=0%2C9223372036854775807": {0, math.MaxInt64}} {
		if ids, err := IDs(query); err != nil || !slices.Equal(ids, want) {
			t.Errorf("IDs(%q) = %d, %v, want %d", query, ids, err, want)
		}
	}
	hundred := "ids=" + strings.Repeat("1,", 99) + "1"
	if ids, err := IDs(hundred); err != nil || len(ids) != 100 {
		t.Errorf("IDs of 100 numbers: %d, %v", len(ids), err)
	}
	for _, query := range []string{"", "ids=", "ids=1,", "ids=,1", "ids=1,,2", "ids=1, 2", "ids=-1", "ids=1&ids=2", "ids=1&id=1", hundred + ",1"} {
		if ids, err := IDs(query); err == nil {
			t.Errorf("IDs(%q) = %d, want an error", query, ids)
		}
	}
	for query, want := range map[string]struct {
		q     string
		limit int
	}{"q=c07": {"c07", 50}, "limit=1&q=%27%3B--": {"';--", 1}, "q=%C3%A9&limit=100": {"é", 100}, "q=" + strings.Repeat("x", 64): {strings.Repeat("x", 64), 50}} {
		if q, limit, err := Search(query); err != nil || q != want.q || limit != want.limit {
			t.Errorf("Search(%q) = %q, %d, %v, want %v", query, q, limit, err, want)
		}
	}
	for _, query := range []string{"", "q=", "limit=5", "q=a&q=b", "q=a&limit=0", "q=a&limit=101", "q=a&limit=", "q=a&limit=1&limit=1", "q=a&x=1",
		"q=%FF", "q=%00", "q=" + strings.Repeat("x", 65)} {
		if q, limit, err := Search(query); err == nil {
			t.Errorf("Search(%q) = %q, %d, want an error", query, q, limit)
		}
	}
}

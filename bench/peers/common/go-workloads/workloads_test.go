package workloads

import (
	"math"
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

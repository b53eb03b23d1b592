package workloads

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const right = `{"id":-9,"name":"é\n","description":"","type":"U","count":0,"created_at":5.25}`

func TestDecodeBodyTakesWhatIsRight(t *testing.T) {
	spelled := ` {"created_at": 525e-2, "count":0,"n\u0061me":"\u00e9\n","type":"U","description":"","id":-9}`
	for _, c := range []struct {
		body  string
		count int
		want  string
	}{
		{spelled, One, right}, {"[" + spelled + "," + spelled + "]", 2, "[" + right + "," + right + "]"}, {" [] ", 0, "[]"},
	} {
		value, err := DecodeBody([]byte(c.body), c.count)
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if got, err := json.Marshal(value); err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v, want %s", c.body, got, err, c.want)
		}
	}
}

func TestDecodeBodyNamesTheFieldAtFault(t *testing.T) {
	for _, c := range []struct{ field, from, to string }{
		{"id", "-9", "9223372036854775808"}, {"id", `"id"`, `"ID"`}, {"name", `"é\n"`, `""`}, {"name", `é\n`, strings.Repeat("é", 101)},
		{"name", `"é\n"`, "7"}, {"type", `"U"`, `"u"`}, {"type", `"U"`, "null"}, {"count", "0,", "1000001,"}, {"count", `"count":0,`, ""},
		{"created_at", "5.25", "true"}, {"created_at", "5.25", "-0.5"}, {"colour", `"id"`, `"colour":1,"id"`},
	} {
		body := strings.Replace(right, c.from, c.to, 1)
		for count, body := range map[int]string{One: body, 2: "[" + right + "," + body + "]"} {
			_, err := DecodeBody([]byte(body), count)
			if err == nil || RefusalStatus(err) != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), c.field) {
				t.Errorf("%s: %v, want a misfit of %s", body, err, c.field)
			}
		}
	}
}

func TestDecodeBodyRefusesOtherShapes(t *testing.T) {
	for _, c := range []struct {
		body  string
		count int
	}{
		{`[-9,"é","","U",0,5.25]`, One}, {"[" + right + "]", One}, {"[" + right + "]", 2}, {right, 1}, {"null", One}, {"null", 0},
		{"[null]", 1},
	} {
		if _, err := DecodeBody([]byte(c.body), c.count); err == nil || RefusalStatus(err) != http.StatusUnprocessableEntity {
			t.Errorf("%s, count %d: %v", c.body, c.count, err)
		}
	}
	for _, body := range []string{"", " ", "{", right[1:], right + "x", "\xff", strings.Replace(right, "é", "\xc3", 1)} {
		if _, err := DecodeBody([]byte(body), One); err == nil || RefusalStatus(err) != http.StatusBadRequest {
			t.Errorf("%q: %v", body, err)
		}
	}
}

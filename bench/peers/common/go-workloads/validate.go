package workloads

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"
)

// Incoming is a record as the body of POST /validate has it.
type Incoming struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Description string  `json:"description"`
	Type        string  `json:"type"`
	Count       int64   `json:"count"`
	CreatedAt   float64 `json:"created_at"`
}

// UnmarshalJSON takes an object with exactly the fields of a record. By itself encoding/json takes one without them,
// null for any of them, and "ID" for "id".
func (r *Incoming) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	for _, field := range []struct {
		name   string
		target any
	}{
		{"id", &r.ID}, {"name", &r.Name}, {"description", &r.Description}, {"type", &r.Type}, {"count", &r.Count},
		{"created_at", &r.CreatedAt},
	} {
		raw, isThere := fields[field.name]
		if !isThere || string(raw) == "null" {
			return fmt.Errorf("%s is missing", field.name)
		}
		if err := json.Unmarshal(raw, field.target); err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
		delete(fields, field.name)
	}
	for name := range fields {
		return fmt.Errorf("%s is not a field of a record", name)
	}
	return nil
}

// Misfit returns the name of the first field whose value does not fit the schema, or "".
func (r *Incoming) Misfit() string {
	switch {
	case !hasCharacters(r.Name, 1, 100):
		return "name"
	case !hasCharacters(r.Description, 0, 1000):
		return "description"
	case r.Type != "U" && r.Type != "G" && r.Type != "S":
		return "type"
	case r.Count < 0 || r.Count > 1_000_000:
		return "count"
	case r.CreatedAt < 0 || r.CreatedAt > 4_102_444_800:
		return "created_at"
	}
	return ""
}

func hasCharacters(text string, least, most int) bool {
	// No text has more characters than bytes.
	return len(text) >= least && (len(text) <= most || utf8.RuneCountInString(text) <= most)
}

var errNotUTF8 = errors.New("the body is no UTF-8")

// DecodeBody returns the Incoming of a body, or the count of them of an array. An error names the field whose fault it is.
func DecodeBody(body []byte, count int) (any, error) {
	// encoding/json would read U+FFFD where it is none.
	if !utf8.Valid(body) {
		return nil, errNotUTF8
	}
	if count == One {
		var record Incoming
		if err := json.Unmarshal(body, &record); err != nil {
			return nil, err
		}
		if name := record.Misfit(); name != "" {
			return nil, fmt.Errorf("%s does not fit", name)
		}
		return record, nil
	}
	var records []Incoming
	if err := json.Unmarshal(body, &records); err != nil {
		return nil, err
	}
	if records == nil || len(records) != count { // nil is what null makes of it
		return nil, fmt.Errorf("the body must be an array of %d records", count)
	}
	for i := range records {
		if name := records[i].Misfit(); name != "" {
			return nil, fmt.Errorf("record %d: %s does not fit", i, name)
		}
	}
	return records, nil
}

// RefusalStatus returns the status for an error of DecodeBody: 400 for what is no JSON or no UTF-8, 422 for what does not fit.
func RefusalStatus(err error) int {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, errNotUTF8) {
		return http.StatusBadRequest
	}
	return http.StatusUnprocessableEntity
}

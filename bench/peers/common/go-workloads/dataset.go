package workloads

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

var fieldNames = []string{"id", "name", "description", "type", "count", "created_at"}

// CheckRecord returns an error unless the decoded map has exactly the fields of a record, each of its type.
// Decoders into structs would leave a missing field zero.
func CheckRecord(fields map[string]any) error {
	if len(fields) != len(fieldNames) {
		return fmt.Errorf("must have exactly the keys %s", strings.Join(fieldNames, ", "))
	}
	for _, name := range fieldNames {
		value, ok := fields[name]
		if !ok {
			return fmt.Errorf("%s is missing", name)
		}
		if err := checkField(name, value); err != nil {
			return fmt.Errorf("%s %w", name, err)
		}
	}
	return nil
}

func checkField(name string, value any) error {
	switch name {
	case "id", "count":
		switch number := value.(type) {
		case int64:
			return nil
		case uint64:
			if number <= math.MaxInt64 {
				return nil
			}
		}
		return fmt.Errorf("must be an integer of 64 bits, signed, not %T", value)
	case "created_at":
		number, ok := value.(float64)
		if narrow, isNarrow := value.(float32); isNarrow {
			number, ok = float64(narrow), true
		}
		if !ok || math.IsNaN(number) || math.IsInf(number, 0) {
			return fmt.Errorf("must be a finite floating-point number, not %v", value)
		}
	default:
		text, ok := value.(string)
		if !ok || !utf8.ValidString(text) {
			return fmt.Errorf("must be a UTF-8 string, not %T", value)
		}
	}
	return nil
}

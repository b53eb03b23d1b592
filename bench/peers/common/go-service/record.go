// Package service holds what the peers on net/http share: the record with its codecs, the dataset, how they answer and how they end.
package service

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

// Record has the fields in the order of the JSON.
type Record struct {
	ID          int64   `json:"id" msgpack:"id"`
	Name        string  `json:"name" msgpack:"name"`
	Description string  `json:"description" msgpack:"description"`
	Type        string  `json:"type" msgpack:"type"`
	Count       int64   `json:"count" msgpack:"count"`
	CreatedAt   float64 `json:"created_at" msgpack:"created_at"`
}

// Parse decodes every item into a record that owns its strings.
func Parse(encoded [][]byte) ([]Record, error) {
	records := make([]Record, len(encoded))
	for i, item := range encoded {
		if err := msgpack.Unmarshal(item, &records[i]); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
	}
	return records, nil
}

// Encode returns the JSON of a record, or of a slice of them.
func Encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

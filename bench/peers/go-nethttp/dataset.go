package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/vmihailenco/msgpack/v5"

	"restmark/workloads"
)

type record struct {
	ID          int64   `json:"id" msgpack:"id"`
	Name        string  `json:"name" msgpack:"name"`
	Description string  `json:"description" msgpack:"description"`
	Type        string  `json:"type" msgpack:"type"`
	Count       int64   `json:"count" msgpack:"count"`
	CreatedAt   float64 `json:"created_at" msgpack:"created_at"`
}

// dataset is read-only once it is loaded.
type dataset struct {
	encoded  [][]byte
	records  []record
	fullJSON []byte
}

func loadDataset(path string) (*dataset, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var encoded [][]byte
	if err := decodeWhole(file, &encoded); err != nil {
		return nil, fmt.Errorf("%s: must be a MessagePack array of bin elements: %w", path, err)
	}
	for i, item := range encoded {
		var fields map[string]any
		err := decodeWhole(item, &fields)
		if err == nil {
			err = workloads.CheckRecord(fields)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: record %d: %w", path, i, err)
		}
	}
	records, err := parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	fullJSON, err := encode(records)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &dataset{encoded, records, fullJSON}, nil
}

// decodeWhole decodes data that must hold exactly one value.
func decodeWhole(data []byte, value any) error {
	reader := bytes.NewReader(data)
	decoder := msgpack.NewDecoder(reader)
	decoder.UseLooseInterfaceDecoding(true) // int64, uint64 and float64 only
	if err := decoder.Decode(value); err != nil {
		return err
	}
	if reader.Len() != 0 {
		return fmt.Errorf("%d bytes follow the value", reader.Len())
	}
	return nil
}

// parse decodes every item into a record that owns its strings.
func parse(encoded [][]byte) ([]record, error) {
	records := make([]record, len(encoded))
	for i, item := range encoded {
		if err := msgpack.Unmarshal(item, &records[i]); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
	}
	return records, nil
}

// encode returns the JSON of a record, or of a slice of them.
func encode(value any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

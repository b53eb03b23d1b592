package main

import (
	"bytes"
	"fmt"
	"os"

	json "github.com/goccy/go-json"
	"github.com/tinylib/msgp/msgp"

	"restmark/workloads"
)

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
	encoded, err := split(file)
	if err != nil {
		return nil, fmt.Errorf("%s: must be a MessagePack array of bin elements: %w", path, err)
	}
	for i, item := range encoded {
		fields, rest, err := msgp.ReadMapStrIntfBytes(item, nil)
		if err == nil && len(rest) != 0 {
			err = fmt.Errorf("%d bytes follow the map", len(rest))
		}
		if err == nil {
			err = workloads.CheckRecord(fields)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: record %d: %w", path, i, err)
		}
	}
	views, err := new(scratch).parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	records := make([]record, len(views))
	for i, v := range views {
		records[i] = record(v.owned())
	}
	fullJSON, err := appendJSON(nil, records)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &dataset{encoded, records, fullJSON}, nil
}

// split returns the elements of an array of bin elements; they point into file.
func split(file []byte) ([][]byte, error) {
	size, rest, err := msgp.ReadArrayHeaderBytes(file)
	if err != nil {
		return nil, err
	}
	var encoded [][]byte // not made with size, which a damaged file could state at will
	for i := uint32(0); i < size; i++ {
		var item []byte
		if item, rest, err = msgp.ReadBytesZC(rest); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		encoded = append(encoded, item)
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%d bytes follow the array", len(rest))
	}
	return encoded, nil
}

// appendJSON appends the JSON of a record, or of a slice of them, and leaves <, >, &, U+2028 and U+2029 as they are.
// The texts are known to be valid UTF-8.
func appendJSON(buffer []byte, value any) ([]byte, error) {
	written := bytes.NewBuffer(buffer)
	err := json.NewEncoder(written).EncodeWithOption(value, json.DisableHTMLEscape(), json.DisableNormalizeUTF8())
	return bytes.TrimSuffix(written.Bytes(), []byte("\n")), err
}

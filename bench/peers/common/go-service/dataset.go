package service

import (
	"bytes"
	"fmt"
	"os"

	"github.com/vmihailenco/msgpack/v5"

	"restmark/workloads"
)

// Dataset is read-only once it is loaded.
type Dataset struct {
	Encoded [][]byte
	Records []Record
}

// LoadDataset reads and checks a file of records.
func LoadDataset(path string) (*Dataset, error) {
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
	records, err := Parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Dataset{encoded, records}, nil
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

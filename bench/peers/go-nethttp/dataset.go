package main

import (
	"fmt"

	"restmark/service"
)

// dataset is read-only once it is loaded.
type dataset struct {
	encoded  [][]byte
	records  []service.Record
	fullJSON []byte
}

func loadDataset(path string) (*dataset, error) {
	loaded, err := service.LoadDataset(path)
	if err != nil {
		return nil, err
	}
	fullJSON, err := service.Encode(loaded.Records)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &dataset{loaded.Encoded, loaded.Records, fullJSON}, nil
}

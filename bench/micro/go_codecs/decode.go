package main

import (
	"github.com/tinylib/msgp/msgp"
	"github.com/vmihailenco/msgpack/v5"
)

// A decoding decodes the whole dataset. Records are what the last run made.
type decoding struct {
	name    string
	run     func() error
	records func() []record
}

// decodings returns the ways to decode, that of most services first.
func decodings(encoded [][]byte) []decoding {
	return []decoding{
		intoNew("vmihailenco/msgpack, owned", encoded, func(data []byte, r *record) error { return msgpack.Unmarshal(data, r) }),
		intoNew("msgp, owned", encoded, generated),
		intoOne("msgp, owned, one slice", encoded, generated, func(r *record) record { return *r }),
		intoOne("msgp, views, one slice", encoded, func(data []byte, v *view) error { return v.decode(data) }, (*view).owned),
	}
}

func generated(data []byte, r *record) error {
	_, err := r.UnmarshalMsg(data)
	return err
}

// intoNew decodes into a slice made for each run.
func intoNew(name string, encoded [][]byte, decode func([]byte, *record) error) decoding {
	var records []record
	run := func() error {
		records = make([]record, len(encoded))
		return all(encoded, records, decode)
	}
	return decoding{name, run, func() []record { return records }}
}

// intoOne decodes into one slice, used again by each run.
func intoOne[T any](name string, encoded [][]byte, decode func([]byte, *T) error, owned func(*T) record) decoding {
	decoded := make([]T, len(encoded))
	records := func() []record {
		copies := make([]record, len(decoded))
		for i := range decoded {
			copies[i] = owned(&decoded[i])
		}
		return copies
	}
	return decoding{name, func() error { return all(encoded, decoded, decode) }, records}
}

func all[T any](encoded [][]byte, decoded []T, decode func([]byte, *T) error) error {
	for i, item := range encoded {
		if err := decode(item, &decoded[i]); err != nil {
			return err
		}
	}
	return nil
}

// split returns the elements of a dataset file; they point into it.
func split(file []byte) ([][]byte, error) {
	size, rest, err := msgp.ReadArrayHeaderBytes(file)
	var encoded [][]byte
	for ; size > 0 && err == nil; size-- {
		var item []byte
		item, rest, err = msgp.ReadBytesZC(rest)
		encoded = append(encoded, item)
	}
	return encoded, err
}

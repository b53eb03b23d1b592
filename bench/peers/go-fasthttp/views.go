package main

import (
	"fmt"
	"sync"

	"github.com/tinylib/msgp/msgp"

	"restmark/workloads"
)

// view is a record whose texts point into the bytes that it was decoded from, which are those of the dataset and never change.
type view struct {
	id          int64
	name        []byte
	description []byte
	kind        []byte
	count       int64
	createdAt   float64
}

// scratch is what one request after the other uses, so that none has to ask for memory.
type scratch struct {
	views []view
	json  []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// decode reads one record, with its fields in any order. That all are there has been checked when the dataset was loaded.
func (v *view) decode(data []byte) error {
	fields, rest, err := msgp.ReadMapHeaderBytes(data)
	for ; fields > 0 && err == nil; fields-- {
		var key []byte
		if key, rest, err = msgp.ReadMapKeyZC(rest); err != nil {
			break
		}
		switch string(key) { // does not allocate
		case "id":
			v.id, rest, err = msgp.ReadInt64Bytes(rest)
		case "name":
			v.name, rest, err = msgp.ReadStringZC(rest)
		case "description":
			v.description, rest, err = msgp.ReadStringZC(rest)
		case "type":
			v.kind, rest, err = msgp.ReadStringZC(rest)
		case "count":
			v.count, rest, err = msgp.ReadInt64Bytes(rest)
		case "created_at":
			v.createdAt, rest, err = msgp.ReadFloat64Bytes(rest)
		default:
			err = fmt.Errorf("%s is not a field of a record", key)
		}
	}
	return err
}

// parse decodes every item into the views of s, which stay valid until s is used again.
func (s *scratch) parse(encoded [][]byte) ([]view, error) {
	if cap(s.views) < len(encoded) {
		s.views = make([]view, len(encoded))
	}
	views := s.views[:len(encoded)]
	for i, item := range encoded {
		if err := views[i].decode(item); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
	}
	return views, nil
}

// encode returns the JSON of the records, valid until s is used again.
func (s *scratch) encode(records []record) ([]byte, error) {
	var err error
	s.json, err = appendJSON(s.json[:0], records)
	return s.json, err
}

func (v view) owned() workloads.Record {
	return workloads.Record{
		ID: v.id, Name: string(v.name), Description: string(v.description), Type: string(v.kind), Count: v.count, CreatedAt: v.createdAt,
	}
}

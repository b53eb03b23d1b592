package main

import (
	"errors"

	"github.com/tinylib/msgp/msgp"
)

//go:generate go run github.com/tinylib/msgp@v1.6.5 -file record.go -o record_msgp.go -io=false -tests=false -unexported

type record struct {
	ID          int64   `json:"id" msg:"id" msgpack:"id"`
	Name        string  `json:"name" msg:"name" msgpack:"name"`
	Description string  `json:"description" msg:"description" msgpack:"description"`
	Type        string  `json:"type" msg:"type" msgpack:"type"`
	Count       int64   `json:"count" msg:"count" msgpack:"count"`
	CreatedAt   float64 `json:"created_at" msg:"created_at" msgpack:"created_at"`
}

// view is a record whose texts point into the bytes that it was decoded from.
//
//msgp:ignore view
type view struct {
	ID          int64
	Name        []byte
	Description []byte
	Type        []byte
	Count       int64
	CreatedAt   float64
}

// decode reads one record from data, with its fields in any order.
func (v *view) decode(data []byte) error {
	fields, rest, err := msgp.ReadMapHeaderBytes(data)
	for ; fields > 0 && err == nil; fields-- {
		var key []byte
		if key, rest, err = msgp.ReadMapKeyZC(rest); err != nil {
			break
		}
		switch string(key) {
		case "id":
			v.ID, rest, err = msgp.ReadInt64Bytes(rest)
		case "name":
			v.Name, rest, err = msgp.ReadStringZC(rest)
		case "description":
			v.Description, rest, err = msgp.ReadStringZC(rest)
		case "type":
			v.Type, rest, err = msgp.ReadStringZC(rest)
		case "count":
			v.Count, rest, err = msgp.ReadInt64Bytes(rest)
		case "created_at":
			v.CreatedAt, rest, err = msgp.ReadFloat64Bytes(rest)
		default:
			err = errors.New("unknown field " + string(key))
		}
	}
	return err
}

func (v *view) owned() record {
	return record{v.ID, string(v.Name), string(v.Description), string(v.Type), v.Count, v.CreatedAt}
}

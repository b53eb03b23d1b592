package main

//go:generate go run github.com/tinylib/msgp@v1.6.5 -file record.go -o record_msgp.go -io=false -tests=false -unexported

type record struct {
	ID          int64   `json:"id" msg:"id"`
	Name        string  `json:"name" msg:"name"`
	Description string  `json:"description" msg:"description"`
	Type        string  `json:"type" msg:"type"`
	Count       int64   `json:"count" msg:"count"`
	CreatedAt   float64 `json:"created_at" msg:"created_at"`
}

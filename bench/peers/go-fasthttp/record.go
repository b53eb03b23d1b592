package main

type record struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Description string  `json:"description"`
	Type        string  `json:"type"`
	Count       int64   `json:"count"`
	CreatedAt   float64 `json:"created_at"`
}

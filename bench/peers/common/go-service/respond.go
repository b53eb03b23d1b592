package service

import (
	"net/http"
	"strconv"
)

// RespondNumber answers with decimal digits.
func RespondNumber(w http.ResponseWriter, number int64) {
	RespondText(w, strconv.FormatInt(number, 10))
}

// RespondText answers with a text.
func RespondText(w http.ResponseWriter, text string) {
	Respond(w, "text/plain; charset=utf-8", []byte(text))
}

// RespondJSON answers with the JSON of a record, or of a slice of them.
func RespondJSON(w http.ResponseWriter, value any) {
	body, err := Encode(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	Respond(w, "application/json", body)
}

// Respond sets Content-Length, because net/http would send a large body in chunks. A failed write means that
// the client has gone; net/http then closes the connection.
func Respond(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

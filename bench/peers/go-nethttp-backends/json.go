package main

import (
	"net/http"

	"github.com/goccy/go-json"

	"restmark/service"
)

// respondJSON answers with the JSON of a record, or of a slice of them. encoding/json would write U+2028, which a row may hold, as an escape.
// Texts are UTF-8 here: PostgreSQL's always are, and what is in the cache was looked at.
func respondJSON(w http.ResponseWriter, r *http.Request, value any) {
	body, err := json.MarshalWithOption(value, json.DisableHTMLEscape(), json.DisableNormalizeUTF8())
	if err != nil {
		fail(w, r, err)
		return
	}
	service.Respond(w, "application/json", body)
}

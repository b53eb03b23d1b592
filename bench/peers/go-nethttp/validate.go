package main

import (
	"errors"
	"io"
	"net/http"

	"restmark/service"
	"restmark/workloads"
)

func handleValidate(w http.ResponseWriter, r *http.Request) {
	count, err := workloads.ValidateCount(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, workloads.MaxBody))
	if err != nil {
		status := http.StatusBadRequest // the client broke off
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), status)
		return
	}
	value, err := workloads.DecodeBody(body, count)
	if err != nil {
		http.Error(w, err.Error(), workloads.RefusalStatus(err))
		return
	}
	service.RespondJSON(w, value)
}

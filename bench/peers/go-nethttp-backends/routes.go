package main

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"restmark/service"
	"restmark/workloads"
)

const countModulus = 1_000_000

// owned is a record with the name of its owner.
type owned struct {
	service.Record
	Owner string `json:"owner"`
}

// store is what the driver and the ORM do each in their own way. A key without a row is errNoRow.
type store interface {
	one(ctx context.Context, id int64) (service.Record, error)
	// many returns the rows of the keys in their order; the same key may be there several times.
	many(ctx context.Context, ids []int64) ([]service.Record, error)
	search(ctx context.Context, category string, limit int) ([]owned, error)
	// update counts the row up in a transaction, and returns it as it is then.
	update(ctx context.Context, id int64) (service.Record, error)
}

var errNoRow = errors.New("there is no such record")

func routeRecords(router *http.ServeMux, prefix string, rows store) {
	router.HandleFunc("GET "+prefix+"/record", func(w http.ResponseWriter, r *http.Request) {
		id, err := workloads.ID(r.URL.RawQuery)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		record, err := rows.one(r.Context(), id)
		respond(w, r, record, err)
	})
	router.HandleFunc("GET "+prefix+"/records", func(w http.ResponseWriter, r *http.Request) {
		ids, err := workloads.IDs(r.URL.RawQuery)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		records, err := rows.many(r.Context(), ids)
		respond(w, r, records, err)
	})
	router.HandleFunc("GET "+prefix+"/search", func(w http.ResponseWriter, r *http.Request) {
		category, limit, err := workloads.Search(r.URL.RawQuery)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		records, err := rows.search(r.Context(), category, limit)
		respond(w, r, records, err)
	})
	router.HandleFunc("POST "+prefix+"/update", func(w http.ResponseWriter, r *http.Request) {
		id, err := workloads.ID(r.URL.RawQuery)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		record, err := rows.update(r.Context(), id)
		respond(w, r, record, err)
	})
}

// respond answers with the JSON of value, or with what err means.
func respond(w http.ResponseWriter, r *http.Request, value any, err error) {
	if err == nil {
		respondJSON(w, r, value)
		return
	}
	fail(w, r, err)
}

// fail answers with what err means; the log has its cause if it is the server's or a store's fault.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errNoRow) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	if r.Context().Err() != nil { // the client has gone
		return
	}
	log.Printf("%s: %v", r.URL.Path, err)
	status := http.StatusInternalServerError
	if isAway(err) {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, http.StatusText(status), status)
}

// isAway tells whether a store could not be reached, or broke off.
func isAway(err error) bool {
	var network net.Error
	var connect *pgconn.ConnectError
	var refusal *pgconn.PgError
	switch {
	case errors.Is(err, errBadValue):
		return false
	case errors.As(err, &connect), errors.As(err, &network):
		return true
	case errors.As(err, &refusal): // connection exceptions, operator intervention, too many connections
		return strings.HasPrefix(refusal.Code, "08") || strings.HasPrefix(refusal.Code, "57P") || refusal.Code == "53300"
	}
	return isBrokenOff(err)
}

// arranged returns the rows of the keys in the order of ids, or errNoRow if a key has none.
func arranged(ids []int64, found []service.Record) ([]service.Record, error) {
	byID := make(map[int64]int, len(found))
	for i := range found {
		byID[found[i].ID] = i
	}
	records := make([]service.Record, len(ids))
	for i, id := range ids {
		position, isThere := byID[id]
		if !isThere {
			return nil, errNoRow
		}
		records[i] = found[position]
	}
	return records, nil
}

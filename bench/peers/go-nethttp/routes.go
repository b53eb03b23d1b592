package main

import (
	"net/http"
	"time"

	"restmark/service"
	"restmark/workloads"
)

// newRouter returns all routes; a pattern with GET takes HEAD as well, and net/http answers other methods with 405.
func newRouter(data *dataset) *http.ServeMux {
	router := http.NewServeMux()
	router.HandleFunc("GET /{$}", handleWelcome)
	router.HandleFunc("GET /parse-msgpack", data.handleParse)
	router.HandleFunc("GET /encode-json", data.handleEncode)
	router.HandleFunc("GET /transfer-data", data.handleTransfer)
	router.HandleFunc("GET /million-loop", handleLoop)
	router.HandleFunc("POST /validate", handleValidate)
	router.HandleFunc("GET /wait", handleWait)
	router.HandleFunc("GET /record/{id}", data.handleRecord)
	for _, name := range workloads.Collections {
		router.HandleFunc("GET /"+name+"/{id}", func(w http.ResponseWriter, r *http.Request) {
			service.RespondText(w, name+" "+r.PathValue("id"))
		})
		router.HandleFunc("GET /"+name+"/{id}/items", func(w http.ResponseWriter, r *http.Request) {
			service.RespondText(w, name+" "+r.PathValue("id")+" items")
		})
		router.HandleFunc("GET /"+name+"/{id}/items/{item}", func(w http.ResponseWriter, r *http.Request) {
			service.RespondText(w, name+" "+r.PathValue("id")+" items "+r.PathValue("item"))
		})
	}
	return router
}

func handleWelcome(w http.ResponseWriter, r *http.Request) {
	if err := workloads.NoParameters(r.URL.RawQuery); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	service.RespondText(w, "Welcome!\n")
}

func (d *dataset) handleParse(w http.ResponseWriter, r *http.Request) {
	count, asked, err := workloads.CountAndDigest(r.URL.RawQuery, len(d.encoded))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	records, err := service.Parse(d.encoded[:count])
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	service.RespondNumber(w, parsedNumber(records, asked))
}

func (d *dataset) handleEncode(w http.ResponseWriter, r *http.Request) {
	count, asked, err := workloads.CountAndDigest(r.URL.RawQuery, len(d.records))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	number, err := encodedNumber(d.records[:count], asked)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	service.RespondNumber(w, number)
}

func (d *dataset) handleTransfer(w http.ResponseWriter, r *http.Request) {
	count, err := workloads.Count(r.URL.RawQuery, len(d.records))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if count == len(d.records) {
		service.Respond(w, "application/json", d.fullJSON)
		return
	}
	service.RespondJSON(w, d.records[:count])
}

func handleLoop(w http.ResponseWriter, r *http.Request) {
	n, seed, err := workloads.LoopArguments(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	service.RespondNumber(w, workloads.Loop(n, seed))
}

// handleWait ends early when the client has gone.
func handleWait(w http.ResponseWriter, r *http.Request) {
	ms, err := workloads.WaitArgument(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		service.RespondNumber(w, ms)
	case <-r.Context().Done():
	}
}

func (d *dataset) handleRecord(w http.ResponseWriter, r *http.Request) {
	if err := workloads.NoParameters(r.URL.RawQuery); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	position, err := workloads.Position(r.PathValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if position >= len(d.records) {
		http.NotFound(w, r)
		return
	}
	service.RespondJSON(w, d.records[position])
}

package main

import (
	"net/http"
	"strconv"
	"time"

	"restmark/study/native/large"
)

const (
	maxWaitMs = 10_000
	maxSteps  = 100_000_000
)

// routes are those of restmark's workloads that the study asks a native server for.
func routes() http.Handler {
	router := http.NewServeMux()
	router.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { respond(w, []byte("Welcome!\n")) })
	router.HandleFunc("GET /large", func(w http.ResponseWriter, _ *http.Request) { respond(w, large.Body) })
	router.HandleFunc("GET /wait", wait)
	router.HandleFunc("GET /million-loop", loop)
	return router
}

// wait ends early when the client has gone.
func wait(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.Atoi(r.URL.Query().Get("ms"))
	if err != nil || ms < 0 || ms > maxWaitMs {
		http.Error(w, "ms: a number of milliseconds", http.StatusBadRequest)
		return
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		respond(w, []byte(strconv.Itoa(ms)))
	case <-r.Context().Done():
	}
}

func loop(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.ParseInt(r.URL.Query().Get("n"), 10, 64)
	seed, seedErr := strconv.ParseInt(r.URL.Query().Get("seed"), 10, 64)
	if err != nil || seedErr != nil || n < 0 || n > maxSteps {
		http.Error(w, "n: a number of steps; seed: a number", http.StatusBadRequest)
		return
	}
	acc := seed
	for i := int64(0); i < n; i++ {
		acc += i
		if acc&1 != 0 {
			acc = 1_000_000 - acc
		}
	}
	respond(w, []byte(strconv.FormatInt(acc, 10)))
}

func respond(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	// An error means that the client has gone: there is nobody to tell.
	_, _ = w.Write(text)
}

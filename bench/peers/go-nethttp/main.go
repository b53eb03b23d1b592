// go-nethttp serves restmark's workloads with the standard library and the packages most Go services start from.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/gorilla/mux"

	"restmark/workloads"
)

const drainTimeout = 5 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("go-nethttp: ")
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	workers := flag.Int("workers", 1, "threads that run Go code at a time (GOMAXPROCS)")
	path := flag.String("dataset", "", "`file` with the records")
	flag.Parse()

	data, err := loadDataset(*path)
	if err != nil {
		log.Fatal(err)
	}
	runtime.GOMAXPROCS(*workers)
	server := &http.Server{Addr: *listen, Handler: newRouter(data)}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	drained := make(chan error, 1)
	go func() {
		<-stop.Done()
		deadline, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		drained <- server.Shutdown(deadline)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
}

func newRouter(data *dataset) *mux.Router {
	router := mux.NewRouter()
	routes := map[string]http.HandlerFunc{
		"/":              handleWelcome,
		"/parse-msgpack": data.handleParse,
		"/encode-json":   data.handleEncode,
		"/transfer-data": data.handleTransfer,
		"/million-loop":  handleLoop,
	}
	for path, handler := range routes {
		router.HandleFunc(path, handler).Methods(http.MethodGet, http.MethodHead)
	}
	return router
}

func handleWelcome(w http.ResponseWriter, r *http.Request) {
	if err := workloads.NoParameters(r.URL.RawQuery); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	respond(w, "text/plain; charset=utf-8", []byte("Welcome!\n"))
}

func (d *dataset) handleParse(w http.ResponseWriter, r *http.Request) {
	count, asked, err := workloads.CountAndDigest(r.URL.RawQuery, len(d.encoded))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	records, err := parse(d.encoded[:count])
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	respondNumber(w, parsedNumber(records, asked))
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
	respondNumber(w, number)
}

func (d *dataset) handleTransfer(w http.ResponseWriter, r *http.Request) {
	count, err := workloads.Count(r.URL.RawQuery, len(d.records))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body := d.fullJSON
	if count < len(d.records) {
		if body, err = encode(d.records[:count]); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	respond(w, "application/json", body)
}

func handleLoop(w http.ResponseWriter, r *http.Request) {
	n, seed, err := workloads.LoopArguments(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	respondNumber(w, workloads.Loop(n, seed))
}

func respondNumber(w http.ResponseWriter, number int64) {
	respond(w, "text/plain; charset=utf-8", strconv.AppendInt(nil, number, 10))
}

// respond sets Content-Length, because net/http would send a large body in chunks. A failed write means that
// the client has gone; net/http then closes the connection.
func respond(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

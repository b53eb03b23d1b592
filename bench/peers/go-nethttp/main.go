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
	"syscall"
	"time"
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

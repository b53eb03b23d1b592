// go-fasthttp serves restmark's workloads as an expert ships them; README.md tells what each step brought.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os/signal"
	"reflect"
	"runtime"
	"syscall"
	"time"

	"github.com/bytedance/sonic"
	"github.com/valyala/fasthttp"

	"restmark/workloads"
)

const drainTimeout = 5 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("go-fasthttp: ")
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	reusePort := flag.Bool("reuse-port", false, "let others listen at the same address, too (SO_REUSEPORT)")
	workers := flag.Int("workers", 1, "threads that run Go code at a time (GOMAXPROCS)")
	path := flag.String("dataset", "", "`file` with the records")
	flag.Parse()

	if err := prepareSonic(); err != nil {
		log.Fatal(err)
	}
	data, err := loadDataset(*path)
	if err != nil {
		log.Fatal(err)
	}
	runtime.GOMAXPROCS(*workers)
	listener, err := workloads.Listen(*listen, *reusePort)
	if err != nil {
		log.Fatal(err)
	}
	server := &fasthttp.Server{
		Handler: newRouter(data).Handler, ErrorHandler: handleBadRequest, MaxRequestBodySize: workloads.MaxBody, CloseOnShutdown: true,
	}

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	drained := make(chan error, 1)
	go func() {
		<-stop.Done()
		deadline, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		drained <- server.ShutdownWithContext(deadline)
	}()
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
	if err := <-drained; err != nil {
		log.Fatal(err)
	}
}

// prepareSonic compiles the decoder of bodies. Where sonic has no code for this Go, or this processor, its functions
// would quietly be encoding/json's.
func prepareSonic() error {
	if sonic.APIKind != sonic.UseSonicJSON {
		return fmt.Errorf("sonic does not support %s on %s: build with a Go that it does", runtime.Version(), runtime.GOARCH)
	}
	var faults []error
	for _, value := range []any{incoming{}, []incoming{}} {
		faults = append(faults, sonic.Pretouch(reflect.TypeOf(value)))
	}
	return errors.Join(faults...)
}

// handleBadRequest answers what fasthttp could not read as a request.
func handleBadRequest(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		refuse(ctx, fasthttp.StatusRequestEntityTooLarge, err)
		return
	}
	refuse(ctx, fasthttp.StatusBadRequest, err)
}

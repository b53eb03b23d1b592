// go-fasthttp serves restmark's workloads the way a team does it that counts every microsecond.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"restmark/workloads"
)

const drainTimeout = 5 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("go-fasthttp: ")
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	workers := flag.Int("workers", 1, "threads that run Go code at a time (GOMAXPROCS)")
	path := flag.String("dataset", "", "`file` with the records")
	flag.Parse()

	data, err := loadDataset(*path)
	if err != nil {
		log.Fatal(err)
	}
	runtime.GOMAXPROCS(*workers)
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	server := &fasthttp.Server{Handler: data.handle, CloseOnShutdown: true}

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

// handle is the route table. Converting the path in a switch does not allocate.
func (d *dataset) handle(ctx *fasthttp.RequestCtx) {
	var workload func(ctx *fasthttp.RequestCtx, query string)
	switch string(ctx.Path()) {
	case "/":
		workload = handleWelcome
	case "/parse-msgpack":
		workload = d.handleParse
	case "/encode-json":
		workload = d.handleEncode
	case "/transfer-data":
		workload = d.handleTransfer
	case "/million-loop":
		workload = handleLoop
	default:
		ctx.Error("not found", fasthttp.StatusNotFound)
		return
	}
	if !ctx.IsGet() && !ctx.IsHead() {
		ctx.Error("only GET", fasthttp.StatusMethodNotAllowed)
		ctx.Response.Header.Set(fasthttp.HeaderAllow, "GET, HEAD")
		return
	}
	workload(ctx, string(ctx.URI().QueryString()))
}

func handleWelcome(ctx *fasthttp.RequestCtx, query string) {
	if err := workloads.NoParameters(query); err != nil {
		ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		return
	}
	ctx.SetBodyString("Welcome!\n")
}

func (d *dataset) handleParse(ctx *fasthttp.RequestCtx, query string) {
	count, asked, err := workloads.CountAndDigest(query, len(d.encoded))
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		return
	}
	records, err := parse(d.encoded[:count])
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	respondNumber(ctx, parsedNumber(records, asked))
}

func (d *dataset) handleEncode(ctx *fasthttp.RequestCtx, query string) {
	count, asked, err := workloads.CountAndDigest(query, len(d.records))
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		return
	}
	number, err := encodedNumber(d.records[:count], asked)
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
		return
	}
	respondNumber(ctx, number)
}

func (d *dataset) handleTransfer(ctx *fasthttp.RequestCtx, query string) {
	count, err := workloads.Count(query, len(d.records))
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		return
	}
	body := d.fullJSON
	if count < len(d.records) {
		if body, err = encode(d.records[:count]); err != nil {
			ctx.Error(err.Error(), fasthttp.StatusInternalServerError)
			return
		}
	}
	ctx.SetContentType("application/json")
	ctx.Response.SetBodyRaw(body)
}

func handleLoop(ctx *fasthttp.RequestCtx, query string) {
	n, seed, err := workloads.LoopArguments(query)
	if err != nil {
		ctx.Error(err.Error(), fasthttp.StatusBadRequest)
		return
	}
	respondNumber(ctx, workloads.Loop(n, seed))
}

func respondNumber(ctx *fasthttp.RequestCtx, number int64) {
	ctx.SetBody(strconv.AppendInt(nil, number, 10))
}

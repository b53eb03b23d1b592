// go-nethttp serves restmark's workloads with the standard library and the packages most Go services start from.
package main

import (
	"flag"
	"log"
	"runtime"

	"restmark/service"
	"restmark/workloads"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("go-nethttp: ")
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	reusePort := flag.Bool("reuse-port", false, "let others listen at the same address, too (SO_REUSEPORT)")
	workers := flag.Int("workers", 1, "threads that run Go code at a time (GOMAXPROCS)")
	path := flag.String("dataset", "", "`file` with the records")
	flag.Parse()

	data, err := loadDataset(*path)
	if err != nil {
		log.Fatal(err)
	}
	runtime.GOMAXPROCS(*workers)
	listener, err := workloads.Listen(*listen, *reusePort)
	if err != nil {
		log.Fatal(err)
	}
	if err := service.Serve(listener, newRouter(data)); err != nil {
		log.Fatal(err)
	}
}

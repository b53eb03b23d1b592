// go-nethttp serves restmark's workloads with the standard library and the packages most Go services start from.
package main

import (
	"flag"
	"log"
	"runtime"

	"restmark/service"
)

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
	if err := service.Serve(*listen, newRouter(data)); err != nil {
		log.Fatal(err)
	}
}

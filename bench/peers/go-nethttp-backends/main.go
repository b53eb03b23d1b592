// go-nethttp-backends serves restmark's workloads on PostgreSQL and Redis: net/http, pgx, GORM and go-redis.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"runtime"

	"restmark/service"
	"restmark/workloads"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("go-nethttp-backends: ")
	listen := flag.String("listen", "127.0.0.1:8080", "`address` to listen on")
	reusePort := flag.Bool("reuse-port", false, "let others listen at the same address, too (SO_REUSEPORT)")
	workers := flag.Int("workers", 1, "threads that run Go code at a time (GOMAXPROCS)")
	path := flag.String("dataset", "", "`file` with the records, which says how many there are in the cache")
	connections := flag.Int("database-connections", 4, "connections to the database, for each worker")
	cacheConnections := flag.Int("cache-connections", 1, "connections to the cache, for each worker")
	flag.Parse()

	runtime.GOMAXPROCS(*workers)
	data, err := service.LoadDataset(*path)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	// URLs may hold a password: they come in the environment, never on a command line.
	database, err := openDatabase(ctx, os.Getenv("RESTMARK_DATABASE_URL"), *connections**workers)
	if err != nil {
		log.Fatal("RESTMARK_DATABASE_URL: ", err)
	}
	defer database.pool.Close()
	orm, err := openORM(database.pool)
	if err != nil {
		log.Fatal("GORM: ", err)
	}
	cache, err := openCache(ctx, os.Getenv("RESTMARK_CACHE_URL"), *cacheConnections**workers, len(data.Records))
	if err != nil {
		log.Fatal("RESTMARK_CACHE_URL: ", err)
	}
	defer cache.close()

	router := http.NewServeMux()
	router.HandleFunc("GET /{$}", handleWelcome)
	routeRecords(router, "/db", database)
	routeRecords(router, "/orm", orm)
	router.HandleFunc("GET /cache/records", cache.handleRecords)
	router.HandleFunc("GET /cache/json", cache.handleJSON)
	listener, err := workloads.Listen(*listen, *reusePort)
	if err != nil {
		log.Fatal(err)
	}
	if err := service.Serve(listener, router); err != nil {
		log.Fatal(err)
	}
}

func handleWelcome(w http.ResponseWriter, r *http.Request) {
	if err := workloads.NoParameters(r.URL.RawQuery); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	service.RespondText(w, "Welcome!\n")
}

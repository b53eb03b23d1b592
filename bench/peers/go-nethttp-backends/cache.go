package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"restmark/service"
	"restmark/workloads"
)

// errBadValue is no fault of the connection, whatever its cause is.
var errBadValue = errors.New("the cache has not what it should have")

// cache asks Redis by go-redis. keys are those of the dataset's records, in their order.
type cache struct {
	client *redis.Client
	keys   []string
}

// openCache opens all connections. Where the cache is away, this is told, and they are opened once it is back.
func openCache(ctx context.Context, address string, connections, records int) (*cache, error) {
	options, err := redis.ParseURL(address)
	var misfit *url.Error
	if errors.As(err, &misfit) {
		return nil, misfit.Err // without the URL, which may hold a password
	}
	if err != nil {
		return nil, err
	}
	options.PoolSize = connections
	options.MinIdleConns = connections
	client := redis.NewClient(options)
	if err := client.Ping(ctx).Err(); err != nil {
		log.Printf("the cache is away: %v", err)
	}
	keys := make([]string, records)
	for i := range keys {
		keys[i] = "record:" + strconv.Itoa(i)
	}
	return &cache{client, keys}, nil
}

func (c *cache) close() {
	if err := c.client.Close(); err != nil {
		log.Print(err)
	}
}

// records asks for the first so many records, and decodes them.
func (c *cache) records(ctx context.Context, count int) ([]service.Record, error) {
	if count == 0 {
		return []service.Record{}, nil
	}
	values, err := c.client.MGet(ctx, c.keys[:count]...).Result()
	if err != nil {
		return nil, err
	}
	encoded := make([][]byte, count)
	for i, value := range values {
		text, isThere := value.(string)
		if !isThere {
			return nil, fmt.Errorf("%w: %s is missing", errBadValue, c.keys[i])
		}
		encoded[i] = []byte(text)
	}
	records, err := service.Parse(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errBadValue, err)
	}
	for i := range records {
		// The decoder takes any bytes for a text.
		if !utf8.ValidString(records[i].Name) || !utf8.ValidString(records[i].Description) || !utf8.ValidString(records[i].Type) {
			return nil, fmt.Errorf("%w: record %d is no UTF-8", errBadValue, i)
		}
	}
	return records, nil
}

func (c *cache) handleRecords(w http.ResponseWriter, r *http.Request) {
	if records, isOK := c.asked(w, r); isOK {
		service.RespondNumber(w, int64(len(records)))
	}
}

func (c *cache) handleJSON(w http.ResponseWriter, r *http.Request) {
	if records, isOK := c.asked(w, r); isOK {
		respondJSON(w, r, records)
	}
}

// asked returns the records that a request asks for, or answers with what is wrong.
func (c *cache) asked(w http.ResponseWriter, r *http.Request) ([]service.Record, bool) {
	count, err := workloads.Count(r.URL.RawQuery, len(c.keys))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return nil, false
	}
	records, err := c.records(r.Context(), count)
	if err != nil {
		fail(w, r, err)
		return nil, false
	}
	return records, true
}

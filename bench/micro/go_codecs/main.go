// go-codecs is the measuring half of bench/micro/go-codecs: go-codecs DATASET ROUNDS.
//
// Prints JSON: the versions, and the cases, each with a figure a round.
package main

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/bytedance/sonic"
)

const (
	parse  = "parse MessagePack"
	encode = "encode JSON"
	double = "write a double"

	sliceTime  = 8 * time.Millisecond // of one case in one round
	calibrated = 5                    // runs that tell how many fit into a slice
)

// measured is one case: it takes its turn in every round.
type measured struct {
	Work string    `json:"work"`
	Name string    `json:"name"`
	US   []float64 `json:"us"` // of CPU time for 1000 records, a figure a round

	run   func() error
	times int
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: go-codecs DATASET ROUNDS")
	}
	rounds, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	// Otherwise its JSON functions would quietly be the standard library's.
	if sonic.APIKind != sonic.UseSonicJSON {
		log.Fatalf("sonic has no code for %s on %s: build with a Go that it supports", runtime.Version(), runtime.GOARCH)
	}
	cases, records, err := prepared(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	turns := slices.Clone(cases)
	for range rounds {
		rand.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		for _, c := range turns {
			if err := c.turn(records); err != nil {
				log.Fatalf("%s: %v", c.Name, err)
			}
		}
	}
	if err := stdjson.NewEncoder(os.Stdout).Encode(map[string]any{"versions": versions(), "cases": cases}); err != nil {
		log.Fatal(err)
	}
}

// prepared returns the cases, each of which has done the same work as the first of its kind, and the number of records.
func prepared(path string) ([]*measured, int, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, err
	}
	encoded, err := split(file)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	var cases []*measured
	var records []record
	for _, d := range decodings(encoded) {
		if err := d.run(); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", d.name, err)
		}
		if records == nil {
			records = d.records()
		}
		if !reflect.DeepEqual(d.records(), records) {
			return nil, 0, fmt.Errorf("%s: decodes something else", d.name)
		}
		cases = append(cases, &measured{Work: parse, Name: d.name, run: d.run})
	}
	var body []byte
	for _, e := range encodings(records) {
		made, err := e.run()
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", e.name, err)
		}
		if body == nil {
			body = bytes.Clone(made)
		}
		if !bytes.Equal(made, body) {
			return nil, 0, fmt.Errorf("%s: encodes something else", e.name)
		}
		cases = append(cases, &measured{Work: encode, Name: e.name, run: func() error { _, err := e.run(); return err }})
	}
	write, err := appendFloats(records)
	if err != nil {
		return nil, 0, err
	}
	cases = append(cases, &measured{Work: double, Name: "strconv.AppendFloat", run: write})
	for _, c := range cases {
		if err := c.calibrate(); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return cases, len(records), nil
}

// appendFloats returns what writes the doubles of all records, as encoding/json does.
func appendFloats(records []record) (func() error, error) {
	text := make([]byte, 0, 32)
	for _, r := range records {
		made, err := stdjson.Marshal(r.CreatedAt)
		if err != nil {
			return nil, err
		}
		if text = strconv.AppendFloat(text[:0], r.CreatedAt, 'f', -1, 64); !bytes.Equal(text, made) {
			return nil, fmt.Errorf("strconv.AppendFloat: %s for %s", text, made)
		}
	}
	return func() error {
		for i := range records {
			text = strconv.AppendFloat(text[:0], records[i].CreatedAt, 'f', -1, 64)
		}
		return nil
	}, nil
}

// calibrate finds out how often a slice repeats the work.
func (c *measured) calibrate() error {
	began := time.Now()
	for range calibrated {
		if err := c.run(); err != nil {
			return err
		}
	}
	c.times = max(1, int(sliceTime*calibrated/(time.Since(began)+1)))
	return nil
}

// turn takes down the µs of CPU time that 1000 records take, the garbage collector's included.
func (c *measured) turn(records int) error {
	runtime.GC() // of what the case before left
	began, err := cpuTime()
	if err != nil {
		return err
	}
	for range c.times {
		if err := c.run(); err != nil {
			return err
		}
	}
	ended, err := cpuTime()
	c.US = append(c.US, float64((ended-began).Nanoseconds())/float64(c.times*records))
	return err
}

func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}

// versions returns those of Go and of the modules that are compared.
func versions() map[string]string {
	found := map[string]string{"Go": runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return found
	}
	for _, module := range info.Deps {
		for _, name := range []string{
			"bytedance/sonic", "go-json-experiment/json", "goccy/go-json", "segmentio/encoding", "tinylib/msgp",
			"vmihailenco/msgpack/v5",
		} {
			if module.Path == "github.com/"+name {
				found[name] = module.Version
			}
		}
	}
	return found
}

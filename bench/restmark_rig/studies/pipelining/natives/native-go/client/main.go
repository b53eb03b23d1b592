// native-go's client keeps requests under way by HTTP/2 over TLS or by HTTP/3, and says how long each took.
//
// When all connections are open it prints "ready" and begins when a line comes on standard input; then it prints one line of JSON.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quic-go/quic-go/http3"

	answer "restmark/study/native/large"
)

type figures struct {
	Requests   int     `json:"requests"`
	Failed     int     `json:"failed"`
	FirstError string  `json:"first_error"`
	LengthUs   int64   `json:"length_us"`
	CPUNs      int64   `json:"cpu_ns"` // its own
	Latencies  []int64 `json:"latencies_us"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("client: ")
	url := flag.String("url", "", "what is asked for")
	third := flag.Bool("http3", false, "by HTTP/3 instead of HTTP/2 over TLS")
	connections := flag.Int("connections", 1, "how many")
	streams := flag.Int("streams", 1, "requests under way on each")
	requests := flag.Int("requests", 1, "in all")
	body := flag.String("body", "", "what each answer has to be")
	large := flag.Bool("large", false, "each answer has to be the large one")
	timeout := flag.Duration("timeout", 30*time.Second, "of a request")
	flag.Parse()
	if *url == "" || *connections < 1 || *streams < 1 || *requests < 1 || flag.NArg() > 0 {
		log.Fatal("usage: client --url URL [--http3] [--connections N] [--streams N] [--requests N] --body TEXT|--large")
	}
	expected := []byte(*body)
	if *large {
		expected = answer.Body
	}
	clients := make([]*http.Client, *connections)
	for at := range clients {
		clients[at] = &http.Client{Transport: transport(*third), Timeout: *timeout}
		if err := get(clients[at], *url, expected); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		log.Fatal("nobody told it to begin: ", err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(load(clients, *url, expected, *streams, *requests)); err != nil {
		log.Fatal(err)
	}
}

// transport has one connection. The certificate was made for the run: there is nobody to vouch for it.
func transport(third bool) http.RoundTripper {
	trust := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}
	if third {
		return &http3.Transport{TLSClientConfig: trust, DisableCompression: true}
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &http.Transport{TLSClientConfig: trust, Protocols: protocols, DisableCompression: true}
}

// load has so many requests under way on each connection until all have been asked.
func load(clients []*http.Client, url string, body []byte, streams, requests int) figures {
	var asked atomic.Int64
	var lock sync.Mutex
	var group sync.WaitGroup
	found := figures{Latencies: make([]int64, 0, requests)}
	began, used := time.Now(), cpuNs()
	for number := range len(clients) * streams {
		client := clients[number%len(clients)]
		group.Go(func() {
			for asked.Add(1) <= int64(requests) {
				at := time.Now()
				err := get(client, url, body)
				took := time.Since(at).Microseconds()
				lock.Lock()
				if err == nil {
					found.Latencies = append(found.Latencies, took)
				} else if found.Failed++; found.FirstError == "" {
					found.FirstError = err.Error()
				}
				lock.Unlock()
			}
		})
	}
	group.Wait()
	found.CPUNs = cpuNs() - used
	found.LengthUs = time.Since(began).Microseconds()
	found.Requests = len(found.Latencies)
	slices.Sort(found.Latencies)
	return found
}

func cpuNs() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func get(client *http.Client, url string, body []byte) error {
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || !bytes.Equal(got, body) {
		return fmt.Errorf("%s answered %d with %d bytes", url, response.StatusCode, len(got))
	}
	return nil
}

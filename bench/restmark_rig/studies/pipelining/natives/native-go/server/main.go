// native-go answers GET /, /wait and /million-loop by HTTP/2 in the clear, or by HTTP/2 over TLS and, at the same port of UDP, HTTP/3.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"
)

const drainTimeout = 2 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("native-go: ")
	listen := flag.String("listen", "", "`address` to listen on")
	workers := flag.Int("workers", 1, "threads that run Go code at a time (GOMAXPROCS)")
	clear := flag.Bool("clear", false, "HTTP/2 without TLS")
	inOrder := flag.Bool("in-order", false, "answer the streams of a connection one after the other, as they came")
	flag.Parse()
	if *listen == "" || flag.NArg() > 0 {
		log.Fatal("usage: server --listen ADDRESS [--workers N] [--clear [--in-order]]; certificate and key: RESTMARK_CERTIFICATE and RESTMARK_KEY")
	}
	runtime.GOMAXPROCS(*workers)
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := serve(stop, *listen, routes(), *clear, *inOrder); err != nil {
		log.Fatal(err)
	}
}

// serve returns when it has been told to stop, or with what failed.
func serve(stop context.Context, address string, handler http.Handler, clear, inOrder bool) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server, failed := &http.Server{Handler: handler}, make(chan error, 2)
	if clear {
		go func() { failed <- serveClear(server, listener, inOrder) }()
	} else if err := serveTLS(server, listener, address, failed); err != nil {
		return err
	}
	log.Print("listening on ", listener.Addr())
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
		deadline, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		if err := server.Shutdown(deadline); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	}
}

// serveClear takes connections of clients who know that HTTP/2 is spoken. The library is asked for itself, as net/http's own copy of it has no say in
// which answer is sent first.
func serveClear(server *http.Server, listener net.Listener, inOrder bool) error {
	library := &http2.Server{}
	if inOrder {
		library.NewWriteScheduler = newInOrder
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go library.ServeConn(connection, &http2.ServeConnOpts{Handler: server.Handler, BaseConfig: server})
	}
}

// serveTLS serves HTTP/1.1 and HTTP/2 on the listener and HTTP/3 on the same port of UDP.
func serveTLS(server *http.Server, listener net.Listener, address string, failed chan<- error) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	server.Protocols = protocols
	certificate, err := tls.LoadX509KeyPair(os.Getenv("RESTMARK_CERTIFICATE"), os.Getenv("RESTMARK_KEY"))
	if err != nil {
		return err
	}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
	packets, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	third := &http3.Server{Handler: server.Handler, TLSConfig: http3.ConfigureTLSConfig(server.TLSConfig.Clone())}
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	go func() { failed <- third.Serve(packets) }()
	return nil
}

package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"sync"
)

// A turnstile of a connection lets answers out one after the other, in the order in which their requests came.
type turnstile struct {
	lock sync.Mutex
	last chan struct{} // closed when the newest answer is out
}

type turnstileKey struct{}

func withTurnstile(parent context.Context, _ net.Conn) context.Context {
	out := make(chan struct{})
	close(out)
	return context.WithValue(parent, turnstileKey{}, &turnstile{last: out})
}

// enter returns what is closed when the answer before is out, and what to close when one's own is.
func (t *turnstile) enter() (before <-chan struct{}, own chan struct{}) {
	t.lock.Lock()
	defer t.lock.Unlock()
	before, own = t.last, make(chan struct{})
	t.last = own
	return before, own
}

// queued works on all requests of a connection at once. inOrder: each answer is sent when the one before is out, as RFC 9112 asks it of pipelining;
// else when it is ready, by the same way, so that the order alone is the difference.
func queued(next http.Handler, inOrder bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before, own := r.Context().Value(turnstileKey{}).(*turnstile).enter()
		defer close(own)
		held := &heldBack{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(held, r)
		if inOrder {
			<-before
		}
		w.WriteHeader(held.status)
		if _, err := w.Write(held.body.Bytes()); err != nil {
			return // the client has gone
		}
		// Without it the answer would be handed over after the next one's turn has come. A failure means that the client has gone.
		_ = http.NewResponseController(w).Flush()
	})
}

// heldBack keeps an answer until its turn.
type heldBack struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *heldBack) WriteHeader(status int)         { h.status = status }
func (h *heldBack) Write(data []byte) (int, error) { return h.body.Write(data) }

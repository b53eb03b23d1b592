package main

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"

	"restmark/workloads"
)

func handleWait(ctx *fasthttp.RequestCtx) {
	ms, err := workloads.WaitArgument(query(ctx))
	if err != nil {
		refuse(ctx, fasthttp.StatusBadRequest, err)
		return
	}
	end := time.Now().Add(time.Duration(ms) * time.Millisecond)
	if hasLeft, err := clientLeaves(ctx.Conn(), end); err != nil {
		refuse(ctx, fasthttp.StatusInternalServerError, err)
		return
	} else if hasLeft {
		ctx.SetConnectionClose()
		return
	}
	time.Sleep(time.Until(end)) // nothing, unless the client has sent its next request already
	respondNumber(ctx, ms)
}

// clientLeaves waits until the end, or less if the client sends something, and tells whether it has left before.
// fasthttp, other than net/http, does not look at a connection while it is being served.
func clientLeaves(conn net.Conn, end time.Time) (hasLeft bool, err error) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false, errors.New("the connection is no socket")
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false, err
	}
	if err := conn.SetReadDeadline(end); err != nil {
		return false, err
	}
	var peeked [1]byte
	err = raw.Read(func(descriptor uintptr) (isDone bool) {
		count, _, fault := syscall.Recvfrom(int(descriptor), peeked[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if fault == syscall.EAGAIN || fault == syscall.EINTR {
			return false
		}
		hasLeft = fault != nil || count == 0
		return true
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return hasLeft, errors.Join(err, conn.SetReadDeadline(time.Time{}))
}

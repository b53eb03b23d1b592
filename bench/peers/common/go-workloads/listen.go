package workloads

import (
	"context"
	"net"
	"syscall"
)

// Linux's, on all processors that Go's runtime and these servers are built for; the package syscall leaves it out on some.
const soReusePort = 15

// Listen opens a TCP socket. With reusePort others may listen at the same address if they ask for that as well: a new version starts before the old one ends.
func Listen(address string, reusePort bool) (net.Listener, error) {
	var config net.ListenConfig
	if reusePort {
		config.Control = func(_, _ string, socket syscall.RawConn) error {
			var failed error
			err := socket.Control(func(fd uintptr) {
				failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePort, 1)
			})
			if err != nil {
				return err
			}
			return failed
		}
	}
	return config.Listen(context.Background(), "tcp", address)
}

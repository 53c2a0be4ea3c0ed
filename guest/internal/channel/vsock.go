package channel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// VsockPort is the vsock port the agent listens on.
const VsockPort = 1024

// ServeVsock accepts connections from the host and calls serve with each on a goroutine of its own. allowed says which
// peer context ids may connect: any process in the guest can reach the port through the loopback transport, and what
// serves here runs commands as root.
func ServeVsock(ctx context.Context, allowed func(peer uint32) bool, serve func(net.Conn)) error {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("vsock socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: VsockPort}); err != nil {
		return fmt.Errorf("bind vsock port %d: %w", VsockPort, err)
	}
	if err := unix.Listen(fd, 16); err != nil {
		return fmt.Errorf("listen on vsock port %d: %w", VsockPort, err)
	}
	listener := os.NewFile(uintptr(fd), "vsock-listener")
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	for {
		connection, peer, err := acceptVsock(listener)
		if err != nil {
			return errors.Join(ctx.Err(), err)
		}
		if !allowed(peer) {
			_ = connection.Close()
			continue
		}
		go serve(vsockConn{connection})
	}
}

// HostOnly allows the hypervisor's host and nobody else.
func HostOnly(peer uint32) bool { return peer == unix.VMADDR_CID_HOST }

func acceptVsock(listener *os.File) (*os.File, uint32, error) {
	raw, err := listener.SyscallConn()
	if err != nil {
		return nil, 0, err
	}
	accepted, peer := -1, uint32(unix.VMADDR_CID_ANY)
	var acceptErr error
	err = raw.Read(func(fd uintptr) bool {
		var from unix.Sockaddr
		accepted, from, acceptErr = unix.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if vm, ok := from.(*unix.SockaddrVM); ok {
			peer = vm.CID
		}
		transient := errors.Is(acceptErr, unix.EAGAIN) || errors.Is(acceptErr, unix.EINTR) || errors.Is(acceptErr, unix.ECONNABORTED)
		return !transient
	})
	if err := errors.Join(err, acceptErr); err != nil {
		return nil, 0, err
	}
	return os.NewFile(uintptr(accepted), "vsock"), peer, nil
}

// vsockConn makes a net.Conn of a connected socket: package net does not know the address family.
type vsockConn struct{ *os.File }

func (c vsockConn) LocalAddr() net.Addr  { return address("vsock:guest") }
func (c vsockConn) RemoteAddr() net.Addr { return address("vsock:host") }

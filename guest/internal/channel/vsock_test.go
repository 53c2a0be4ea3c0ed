package channel_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/channel"
)

// TestVsock talks to itself over the loopback transport, whose context id is not the host's.
func TestVsock(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	admitted := make(chan bool, 2)
	admitted <- false
	admitted <- true
	ended := make(chan error, 1)
	go func() {
		ended <- channel.ServeVsock(ctx, func(peer uint32) bool {
			return peer == unix.VMADDR_CID_LOCAL && !channel.HostOnly(peer) && <-admitted
		}, func(connection net.Conn) { _, _ = io.Copy(connection, connection) })
	}()
	refused := dialVsock(t, ended)
	if n, err := refused.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a peer that is not allowed: %d, %v", n, err)
	}
	connection := dialVsock(t, ended)
	if _, err := connection.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 5)
	if _, err := io.ReadFull(connection, answer); err != nil || string(answer) != "hello" {
		t.Errorf("answer %q, %v", answer, err)
	}
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("does not end")
	}
}

func dialVsock(t *testing.T, ended <-chan error) *os.File {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Skipf("no vsock on this machine: %v", err)
		}
		err = unix.Connect(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_LOCAL, Port: channel.VsockPort})
		if err == nil {
			connection := os.NewFile(uintptr(fd), "vsock")
			t.Cleanup(func() { _ = connection.Close() })
			return connection
		}
		_ = unix.Close(fd)
		select {
		case err := <-ended:
			t.Skipf("no vsock on this machine: %v", err)
		default:
		}
		if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ETIMEDOUT) || time.Now().After(deadline) {
			t.Skipf("no vsock loopback on this machine: %v", err)
		}
	}
}

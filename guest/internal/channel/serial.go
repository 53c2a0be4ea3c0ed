package channel

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Port is a virtio-serial port, or what a test puts in its place.
type Port interface {
	io.ReadWriter
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	// WaitForHost returns once a host has the other end open.
	WaitForHost(ctx context.Context) error
}

// ServeSerial runs one session after another on port and calls serve with each; serve returns when its session is
// over. It ends only with ctx or when the port fails.
func ServeSerial(ctx context.Context, port Port, serve func(net.Conn)) error {
	input := bufio.NewReaderSize(port, 64<<10)
	for ctx.Err() == nil {
		if err := port.WaitForHost(ctx); err != nil {
			return err
		}
		echo, err := awaitResync(input)
		if errors.Is(err, io.EOF) {
			continue
		}
		if err != nil {
			return err
		}
		session := newSerialSession(port, input)
		if _, err := session.Write(echo); err != nil {
			continue
		}
		serve(session)
		_ = session.Close()
	}
	return ctx.Err()
}

// serialSession is the net.Conn of one session. Closing it leaves the port open and guarantees that none of its reads
// or writes touches the port afterwards.
type serialSession struct {
	port       Port
	frames     *framing
	readMutex  sync.Mutex
	writeMutex sync.Mutex
	closeOnce  sync.Once
	closed     chan struct{}
}

func newSerialSession(port Port, input peeker) *serialSession {
	_ = port.SetReadDeadline(time.Time{})
	_ = port.SetWriteDeadline(time.Time{})
	return &serialSession{port: port, frames: newFraming(input), closed: make(chan struct{})}
}

func (s *serialSession) Read(p []byte) (int, error) {
	s.readMutex.Lock()
	defer s.readMutex.Unlock()
	if s.isClosed() {
		return 0, net.ErrClosed
	}
	return s.frames.Read(p)
}

func (s *serialSession) Write(p []byte) (int, error) {
	s.writeMutex.Lock()
	defer s.writeMutex.Unlock()
	if s.isClosed() {
		return 0, net.ErrClosed
	}
	return s.port.Write(p)
}

func (s *serialSession) Close() error {
	s.closeOnce.Do(func() {
		close(s.closed)
		past := time.Unix(1, 0)
		_ = s.port.SetReadDeadline(past)
		_ = s.port.SetWriteDeadline(past)
		s.readMutex.Lock()
		s.writeMutex.Lock()
		_ = s.port.SetReadDeadline(time.Time{})
		_ = s.port.SetWriteDeadline(time.Time{})
		s.writeMutex.Unlock()
		s.readMutex.Unlock()
	})
	return nil
}

func (s *serialSession) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
}

// Deadlines of a session are not offered: they would outlive it on the shared port. HTTP/2 runs without them.
func (s *serialSession) SetDeadline(time.Time) error      { return nil }
func (s *serialSession) SetReadDeadline(time.Time) error  { return nil }
func (s *serialSession) SetWriteDeadline(time.Time) error { return nil }
func (s *serialSession) LocalAddr() net.Addr              { return address("serial:guest") }
func (s *serialSession) RemoteAddr() net.Addr             { return address("serial:host") }

// address names an end of a channel that has no address of its own.
type address string

func (a address) Network() string { return "banger" }
func (a address) String() string  { return string(a) }

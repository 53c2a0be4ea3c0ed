// Package dial joins a stream of the host to a socket in the guest.
package dial

import (
	"context"
	"io"
	"net"
	"time"

	"banger/guest/internal/api"
)

const (
	// MaxOpen is how many dials may be open at once: below the channel's streams, so that calls still get through.
	MaxOpen        = 500
	connectTimeout = 30 * time.Second
	bufferSize     = 32 << 10
)

// Dialer opens connections within the guest.
type Dialer struct{ slots chan struct{} }

func NewDialer() *Dialer { return &Dialer{slots: make(chan struct{}, MaxOpen)} }

// Open connects; the error is an *api.Error. The connection holds a slot until release is called.
func (d *Dialer) Open(ctx context.Context, network, address string) (connection net.Conn, release func(), err error) {
	if network != "tcp" && network != "unix" {
		return nil, nil, api.Errorf(api.BadRequest, "network %q is neither tcp nor unix", network)
	}
	select {
	case d.slots <- struct{}{}:
	default:
		return nil, nil, api.Errorf(api.Limit, "%d dials are open already", MaxOpen)
	}
	release = func() { <-d.slots }
	dialer := net.Dialer{Timeout: connectTimeout}
	connection, err = dialer.DialContext(ctx, network, address)
	if err != nil {
		release()
		return nil, nil, api.Errorf(api.Failed, "%w", err)
	}
	return connection, release, nil
}

// Join copies both ways until the peer has sent everything: the end of input shuts down the writing side, the end of
// the peer's bytes ends the join. flush runs after each write to output.
func Join(ctx context.Context, connection net.Conn, input io.Reader, output io.Writer, flush func() error) error {
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	go func() {
		if _, err := io.Copy(connection, input); err == nil {
			closeWrite(connection)
		}
	}()
	buffer := make([]byte, bufferSize)
	for {
		n, err := connection.Read(buffer)
		if n > 0 {
			if _, err := output.Write(buffer[:n]); err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func closeWrite(connection net.Conn) {
	if half, ok := connection.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

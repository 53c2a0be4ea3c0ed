package testhost

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Dial opens a socket in the guest.
func (c *Client) Dial(network, address string) (net.Conn, error) {
	reader, writer := io.Pipe()
	response, err := c.Stream(context.Background(), http.MethodPost, "/v1/dial?network="+network+"&address="+url.QueryEscape(address), reader)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("dial %s: %s", address, response.Status)
	}
	return &dialed{PipeWriter: writer, answer: response.Body}, nil
}

// dialed is a dial stream as a connection without deadlines.
type dialed struct {
	*io.PipeWriter
	answer io.ReadCloser
}

func (d *dialed) Read(p []byte) (int, error) { return d.answer.Read(p) }
func (d *dialed) CloseWrite() error          { return d.PipeWriter.Close() }

func (d *dialed) Close() error {
	_ = d.answer.Close()
	return d.PipeWriter.Close()
}

func (d *dialed) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (d *dialed) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (d *dialed) SetDeadline(time.Time) error      { return nil }
func (d *dialed) SetReadDeadline(time.Time) error  { return nil }
func (d *dialed) SetWriteDeadline(time.Time) error { return nil }

// Package testhost is the host's side of the guest protocol, for tests of the agent: resync, HTTP/2 client, exec.
package testhost

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/net/http2"

	"banger/guest/internal/channel"
)

// Client calls an agent over one connection.
type Client struct {
	conn *http2.ClientConn
	raw  net.Conn
}

// Resync does the host's part of the serial handshake.
func Resync(connection net.Conn) error {
	var nonce [channel.NonceSize]byte
	_, _ = rand.Read(nonce[:])
	greeting := append(make([]byte, channel.PaddingSize), channel.Magic...)
	greeting = append(greeting, nonce[:]...)
	wanted := append([]byte(channel.Magic), nonce[:]...)
	written := make(chan error, 1)
	go func() {
		_, err := connection.Write(greeting)
		written <- err
	}()
	var seen []byte
	for one := make([]byte, 1); !bytes.HasSuffix(seen, wanted); {
		if _, err := connection.Read(one); err != nil {
			return fmt.Errorf("resync: %w", err)
		}
		seen = append(seen, one[0])
		if len(seen) > 4*len(wanted) {
			seen = seen[len(seen)-len(wanted):]
		}
	}
	return <-written
}

// Connect starts HTTP/2 on connection.
func Connect(connection net.Conn) (*Client, error) {
	transport := &http2.Transport{AllowHTTP: true, DisableCompression: true, MaxReadFrameSize: channel.MaxFrameSize}
	conn, err := transport.NewClientConn(connection)
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn, raw: connection}, nil
}

// Close ends the connection without a word, as a killed host does.
func (c *Client) Close() { _ = c.raw.Close() }

// Stream makes a call with a body and returns the response, whose body the caller closes.
func (c *Client) Stream(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, body)
	if err != nil {
		return nil, err
	}
	return c.conn.RoundTrip(request)
}

// Call makes a call with a JSON body (none when nil) and decodes the answer into result (unless nil).
func (c *Client) Call(method, path string, body, result any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(encoded)
	}
	response, err := c.Stream(ctx, method, path, reader)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, strings.TrimSpace(string(content)))
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(content, result)
}

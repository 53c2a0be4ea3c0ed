// Package channel is the way to the host: one HTTP/2 connection at a time over a virtio-serial port, or any number
// over vsock. Everything above it sees net.Conn.
package channel

import (
	"bufio"
	"bytes"
	"io"
)

// A serial port is not a connection: bytes of a dead host process linger in it. Each session therefore starts with the
// host's padding, this magic word and a nonce; the agent echoes magic and nonce.
const (
	Magic     = "BNGRSYNC"
	NonceSize = 16
	// PaddingSize is one HTTP/2 frame of the largest size (header and 16,384 bytes payload) and more, so that it
	// completes whatever frame the host before was cut off in.
	PaddingSize = 16411
)

// awaitResync reads up to and including a magic word and its nonce, and returns the echo to send.
func awaitResync(input *bufio.Reader) ([]byte, error) {
	window := make([]byte, 0, len(Magic))
	for string(window) != Magic {
		next, err := input.ReadByte()
		if err != nil {
			return nil, err
		}
		if len(window) == len(Magic) {
			copy(window, window[1:])
			window = window[:len(Magic)-1]
		}
		window = append(window, next)
	}
	echo := bytes.NewBufferString(Magic)
	if _, err := io.CopyN(echo, input, NonceSize); err != nil {
		return nil, err
	}
	return echo.Bytes(), nil
}

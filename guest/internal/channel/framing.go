package channel

import (
	"encoding/binary"
	"io"
)

const (
	clientPreface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	frameHeaderSize = 9
	// MaxFrameSize is the largest HTTP/2 payload either side sends, in bytes.
	MaxFrameSize = 16384
)

// peeker is the part of bufio.Reader that framing needs.
type peeker interface {
	io.Reader
	Peek(n int) ([]byte, error)
}

// framing follows the HTTP/2 frames of one session's input and reports io.EOF where the session ends: at a header that
// no live peer sends (all zero, or longer than allowed), which is a new host's padding. Those bytes stay in the input
// for the next resync. A frame that was cut off is completed by the padding, so its last bytes may be zeros that
// nobody sent; the session ends right behind it.
type framing struct {
	input       peeker
	prefaceLeft int
	payloadLeft int
	headerLeft  int
}

func newFraming(input peeker) *framing {
	return &framing{input: input, prefaceLeft: len(clientPreface)}
}

func (f *framing) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if f.prefaceLeft > 0 {
		return f.readPreface(p)
	}
	if f.headerLeft == 0 && f.payloadLeft == 0 {
		if err := f.startFrame(); err != nil {
			return 0, err
		}
	}
	if f.headerLeft > 0 {
		return f.readCounted(p, &f.headerLeft)
	}
	return f.readCounted(p, &f.payloadLeft)
}

func (f *framing) readPreface(p []byte) (int, error) {
	next, err := f.input.Peek(1)
	if err != nil {
		return 0, err
	}
	if next[0] != clientPreface[len(clientPreface)-f.prefaceLeft] {
		return 0, io.EOF
	}
	return f.readCounted(p[:1], &f.prefaceLeft)
}

func (f *framing) startFrame() error {
	header, err := f.input.Peek(frameHeaderSize)
	if err != nil {
		return err
	}
	length := int(binary.BigEndian.Uint32(header) >> 8)
	if length > MaxFrameSize || string(header) == string(make([]byte, frameHeaderSize)) {
		return io.EOF
	}
	f.headerLeft, f.payloadLeft = frameHeaderSize, length
	return nil
}

func (f *framing) readCounted(p []byte, left *int) (int, error) {
	n, err := f.input.Read(p[:min(len(p), *left)])
	*left -= n
	return n, err
}

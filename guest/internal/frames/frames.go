// Package frames reads and writes the frames of an exec stream: Docker's multiplexed stream, an 8-byte header (type,
// three zero bytes, big-endian length) before each payload. It knows nothing of processes or HTTP.
package frames

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Type says what a frame's payload is.
type Type byte

const (
	Stdin   Type = 0
	Stdout  Type = 1
	Stderr  Type = 2
	Control Type = 3
)

// MaxPayload is the largest payload of one frame in bytes.
const MaxPayload = 32 << 10

const headerSize = 8

// ErrMalformed is wrapped by every complaint about the bytes of a frame.
var ErrMalformed = errors.New("malformed frame")

// Frame is one decoded frame. Its payload belongs to the reader and is valid until the next call of Next.
type Frame struct {
	Type    Type
	Payload []byte
}

// Reader decodes frames from a byte stream.
type Reader struct {
	source io.Reader
	header [headerSize]byte
	buffer []byte
}

func NewReader(source io.Reader) *Reader {
	return &Reader{source: source}
}

// Next returns the next frame. It returns io.EOF at a clean end, io.ErrUnexpectedEOF inside a frame, and an error
// wrapping ErrMalformed for bytes that are no frame.
func (r *Reader) Next() (Frame, error) {
	if _, err := io.ReadFull(r.source, r.header[:]); err != nil {
		return Frame{}, err
	}
	kind, length := Type(r.header[0]), binary.BigEndian.Uint32(r.header[4:])
	switch {
	case kind > Control:
		return Frame{}, fmt.Errorf("%w: type %d", ErrMalformed, kind)
	case r.header[1] != 0 || r.header[2] != 0 || r.header[3] != 0:
		return Frame{}, fmt.Errorf("%w: reserved bytes are not zero", ErrMalformed)
	case length > MaxPayload:
		return Frame{}, fmt.Errorf("%w: payload of %d bytes", ErrMalformed, length)
	}
	if cap(r.buffer) < int(length) {
		r.buffer = make([]byte, max(int(length), 4096))
	}
	payload := r.buffer[:length]
	if _, err := io.ReadFull(r.source, payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return Frame{Type: kind, Payload: payload}, nil
}

// Writer encodes frames. It may be used by several goroutines at once; each frame is passed on whole.
type Writer struct {
	mutex  sync.Mutex
	target io.Writer
	flush  func() error
	buffer []byte
}

// NewWriter returns a writer to target; flush runs after each frame and may be nil.
func NewWriter(target io.Writer, flush func() error) *Writer {
	return &Writer{target: target, flush: flush}
}

// Write sends payload as frames of the given type, split where it is longer than MaxPayload.
func (w *Writer) Write(kind Type, payload []byte) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for {
		part := payload[:min(len(payload), MaxPayload)]
		w.buffer = append(w.buffer[:0], byte(kind), 0, 0, 0, 0, 0, 0, 0)
		binary.BigEndian.PutUint32(w.buffer[4:], uint32(len(part)))
		w.buffer = append(w.buffer, part...)
		if _, err := w.target.Write(w.buffer); err != nil {
			return err
		}
		payload = payload[len(part):]
		if len(payload) == 0 {
			break
		}
	}
	if w.flush == nil {
		return nil
	}
	return w.flush()
}

// WriteControl sends message as one JSON control frame.
func (w *Writer) WriteControl(message any) error {
	payload, err := json.Marshal(message)
	if err != nil {
		return err
	}
	return w.Write(Control, payload)
}

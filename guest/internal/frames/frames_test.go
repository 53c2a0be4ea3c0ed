package frames

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	var wire bytes.Buffer
	flushes := 0
	writer := NewWriter(&wire, func() error { flushes++; return nil })
	big := bytes.Repeat([]byte("0123456789abcdef"), 5000)
	must(t, writer.Write(Stdout, []byte("hello")))
	must(t, writer.Write(Stderr, nil))
	must(t, writer.WriteControl(map[string]int{"status": 42}))
	must(t, writer.Write(Stdin, big))
	if flushes != 4 {
		t.Errorf("flushed %d times, want 4", flushes)
	}

	reader := NewReader(iotestOneByte{&wire})
	expect(t, reader, Stdout, []byte("hello"))
	expect(t, reader, Stderr, nil)
	expect(t, reader, Control, []byte(`{"status":42}`))
	var got []byte
	for len(got) < len(big) {
		frame, err := reader.Next()
		must(t, err)
		if frame.Type != Stdin || len(frame.Payload) > MaxPayload {
			t.Fatalf("frame of type %d, %d bytes", frame.Type, len(frame.Payload))
		}
		got = append(got, frame.Payload...)
	}
	if !bytes.Equal(got, big) {
		t.Error("the split payload came back changed")
	}
	if _, err := reader.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want EOF", err)
	}
}

func TestMalformed(t *testing.T) {
	cases := map[string]struct {
		wire []byte
		want error
	}{
		"unknown type":   {[]byte{4, 0, 0, 0, 0, 0, 0, 0}, ErrMalformed},
		"reserved bytes": {[]byte{1, 0, 1, 0, 0, 0, 0, 0}, ErrMalformed},
		"too long":       {[]byte{1, 0, 0, 0, 0, 0, 0x80, 1}, ErrMalformed},
		"cut header":     {[]byte{1, 0, 0}, io.ErrUnexpectedEOF},
		"no payload":     {[]byte{1, 0, 0, 0, 0, 0, 0, 2}, io.ErrUnexpectedEOF},
		"cut payload":    {[]byte{1, 0, 0, 0, 0, 0, 0, 2, 'x'}, io.ErrUnexpectedEOF},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := NewReader(bytes.NewReader(test.wire)).Next(); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 1, 'x', 3, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, wire []byte) {
		reader := NewReader(bytes.NewReader(wire))
		var again bytes.Buffer
		writer := NewWriter(&again, nil)
		for {
			frame, err := reader.Next()
			if err != nil {
				break
			}
			must(t, writer.Write(frame.Type, frame.Payload))
		}
		if !bytes.HasPrefix(wire, again.Bytes()) {
			t.Errorf("decoded and encoded again: %x from %x", again.Bytes(), wire)
		}
	})
}

type iotestOneByte struct{ source io.Reader }

func (r iotestOneByte) Read(p []byte) (int, error) { return r.source.Read(p[:min(len(p), 1)]) }

func expect(t *testing.T, reader *Reader, kind Type, payload []byte) {
	t.Helper()
	frame, err := reader.Next()
	must(t, err)
	if frame.Type != kind || !bytes.Equal(frame.Payload, payload) {
		t.Fatalf("got frame %d %q, want %d %q", frame.Type, frame.Payload, kind, payload)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

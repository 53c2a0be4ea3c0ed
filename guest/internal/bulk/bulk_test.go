package bulk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"banger/guest/internal/api"
)

// laid is a disk on which a host lays parts as it may: never on one that has not been taken.
type laid struct {
	path    string
	free    chan struct{}
	lengths *io.PipeWriter
}

func newLaid(t *testing.T) (*laid, *Disk, *io.PipeReader) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, make([]byte, Slots*SlotSize), 0o600); err != nil {
		t.Fatal(err)
	}
	reader, writer := io.Pipe()
	host := &laid{path: path, free: make(chan struct{}, Slots), lengths: writer}
	for range Slots {
		host.free <- struct{}{}
	}
	return host, newDisk(func() (*os.File, error) { return os.Open(path) }), reader
}

func (h *laid) taken() error {
	h.free <- struct{}{}
	return nil
}

func (h *laid) send(parts [][]byte) error {
	file, err := os.OpenFile(h.path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	for number, part := range parts {
		<-h.free
		if _, err := file.WriteAt(part, int64(number%Slots)*SlotSize); err != nil {
			return err
		}
		if _, err := h.lengths.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part)))); err != nil {
			return err
		}
	}
	return h.lengths.Close()
}

func TestPartsOfAnySizeComeAsOneStream(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		host, disk, lengths := newLaid(t)
		parts := make([][]byte, random.IntN(12))
		for number := range parts {
			parts[number] = make([]byte, 1+random.IntN(SlotSize))
			if random.IntN(3) == 0 {
				parts[number] = make([]byte, SlotSize)
			}
			for at := 0; at < len(parts[number]); at += 1 + random.IntN(5000) {
				parts[number][at] = byte(random.IntN(256))
			}
		}
		go func() { _ = host.send(parts) }()
		stream, err := disk.Open(context.Background(), lengths, host.taken)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(stream)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, bytes.Join(parts, nil)) {
			t.Fatalf("%d parts came as %d other bytes", len(parts), len(got))
		}
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsNoPartIsRefused(t *testing.T) {
	for name, words := range map[string][]byte{
		"empty":    {0, 0, 0, 0},
		"too long": {0, 0x10, 0, 1},
		"cut off":  {0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, disk, _ := newLaid(t)
			stream, err := disk.Open(context.Background(), bytes.NewReader(words), func() error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			if got, err := io.ReadAll(stream); err == nil || len(got) > 0 {
				t.Errorf("read %d bytes, error %v", len(got), err)
			}
		})
	}
}

func TestOneCallAtATimeHasTheDisk(t *testing.T) {
	_, disk, lengths := newLaid(t)
	nothing := func() error { return nil }
	first, err := disk.Open(context.Background(), lengths, nothing)
	if err != nil {
		t.Fatal(err)
	}
	disk.patience = 20 * time.Millisecond
	var known *api.Error
	if _, err := disk.Open(context.Background(), lengths, nothing); !errors.As(err, &known) || known.Code != api.Limit {
		t.Fatalf("two have it: %v", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	disk.patience = time.Hour
	if _, err := disk.Open(gone, lengths, nothing); err == nil {
		t.Fatal("two have it")
	}
	_ = first.Close()
	second, err := disk.Open(context.Background(), lengths, nothing)
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
}

func TestAGuestWithoutOneSaysSoEachTime(t *testing.T) {
	disk := newDisk(func() (*os.File, error) { return nil, api.Errorf(api.NotFound, "no bulk disk") })
	for range 2 {
		_, err := disk.Open(context.Background(), bytes.NewReader(nil), nil)
		var known *api.Error
		if !errors.As(err, &known) || known.Code != api.NotFound {
			t.Fatalf("%v", err)
		}
	}
}

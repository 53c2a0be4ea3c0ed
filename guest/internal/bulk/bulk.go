// Package bulk reads what the host lays on the bulk disk: a small disk that the guest only reads, by which large things come many
// times as fast as by a serial port, which moves 4 KiB at a time.
package bulk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
	"banger/guest/internal/directio"
	"banger/guest/internal/sysfs"
)

const (
	// Slots and SlotSize, in bytes, are the disk's layout (docs/guest-protocol.md): part N lies at the beginning of slot N mod Slots.
	Slots    = 4
	SlotSize = 1 << 20

	serial = "bulk"
	// patience is how long a call waits for one that has the disk; the host has other ways.
	patience = 5 * time.Second
)

// Disk is the guest's bulk disk, of which one call at a time has the use.
type Disk struct {
	open     func() (*os.File, error)
	held     chan struct{}
	patience time.Duration
}

// NewDisk makes the Disk of this guest, which need not have one.
func NewDisk() *Disk { return newDisk(openBySerial) }

func newDisk(open func() (*os.File, error)) *Disk {
	return &Disk{open: open, held: make(chan struct{}, 1), patience: patience}
}

// openBySerial opens past the page cache, which would answer with what lay there before.
func openBySerial() (*os.File, error) {
	device, found := sysfs.FindDevice("/sys/block/vd*/serial", serial)
	if !found {
		return nil, api.Errorf(api.NotFound, "no bulk disk")
	}
	return os.OpenFile(device, os.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
}

// Open waits a while until no other call has the disk. lengths gives the length of each part as 4 bytes, big-endian, once it lies there; free
// is called when a part has been taken and its slot may be used again. The error is an *api.Error.
func (d *Disk) Open(ctx context.Context, lengths io.Reader, free func() error) (*Parts, error) {
	select {
	case d.held <- struct{}{}:
	case <-time.After(d.patience):
		return nil, api.Errorf(api.Limit, "another call has the bulk disk")
	case <-ctx.Done():
		return nil, api.Errorf(api.IO, "%w", ctx.Err())
	}
	parts, err := d.parts(lengths, free)
	if err != nil {
		<-d.held
		return nil, api.AsError(err)
	}
	return parts, nil
}

func (d *Disk) parts(lengths io.Reader, free func() error) (*Parts, error) {
	file, err := d.open()
	if err != nil {
		return nil, err
	}
	buffer, err := directio.NewBuffer(SlotSize)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	release := func() { <-d.held }
	return &Parts{file: file, buffer: buffer, lengths: lengths, free: free, release: release}, nil
}

// Parts is the stream of what the parts hold, one after the other.
type Parts struct {
	file    *os.File
	buffer  []byte
	rest    []byte
	slot    int64
	lengths io.Reader
	free    func() error
	release func()
}

// Read ends where the lengths end.
func (p *Parts) Read(into []byte) (int, error) {
	if len(p.rest) == 0 {
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *Parts) next() error {
	var head [4]byte
	if _, err := io.ReadFull(p.lengths, head[:]); err != nil {
		return err
	}
	length := int(binary.BigEndian.Uint32(head[:]))
	if length < 1 || length > SlotSize {
		return fmt.Errorf("a part of %d bytes", length)
	}
	whole := (length + directio.Unit - 1) / directio.Unit * directio.Unit
	if _, err := p.file.ReadAt(p.buffer[:whole], p.slot*SlotSize); err != nil {
		return fmt.Errorf("bulk disk: %w", err)
	}
	p.slot = (p.slot + 1) % Slots
	p.rest = p.buffer[:length]
	return p.free()
}

// Close lets the next call have the disk.
func (p *Parts) Close() error {
	p.rest = nil
	err := errors.Join(p.file.Close(), directio.Free(p.buffer))
	p.release()
	return err
}

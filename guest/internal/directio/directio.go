// Package directio is what reading and writing past the page cache (O_DIRECT, open(2)) asks of its callers.
package directio

import "golang.org/x/sys/unix"

// Unit, in bytes, is what a direct read or write must begin and end on, whatever the disk's sector.
const Unit = 4096

// NewBuffer makes a buffer that begins on a page, which the Go heap does not promise. Free takes it back.
func NewBuffer(size int) ([]byte, error) {
	return unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
}

// Free takes back a buffer of NewBuffer, or nil.
func Free(buffer []byte) error {
	if buffer == nil {
		return nil
	}
	return unix.Munmap(buffer)
}

package files

import (
	"errors"
	"io"

	"golang.org/x/sys/unix"
)

const (
	// largeFile is the size in bytes from which a file is written past the page cache: each page there costs an emulated guest 0.1 ms.
	largeFile    = 256 << 10
	directBuffer = 1 << 20
	// directUnit is what a direct write must begin and end on, whatever the disk's sector.
	directUnit = 4096
)

// directWriter writes files past the page cache where their file system can.
type directWriter struct{ buffer []byte }

// copy writes content to the empty file fd, and answers how many bytes there were.
func (d *directWriter) copy(fd int, content io.Reader) (int64, error) {
	if d.buffer == nil {
		// The Go heap does not promise the alignment that a direct write needs.
		buffer, err := unix.Mmap(-1, 0, directBuffer, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			return 0, err
		}
		d.buffer = buffer
	}
	isDirect := setDirect(fd, true) == nil
	for written := int64(0); ; {
		n, err := fill(d.buffer, content)
		whole := n
		if isDirect {
			whole = n / directUnit * directUnit
		}
		if problem := writeAll(fd, d.buffer[:whole]); problem != nil {
			return written, problem
		}
		if whole < n {
			if problem := errors.Join(setDirect(fd, false), writeAll(fd, d.buffer[whole:n])); problem != nil {
				return written, problem
			}
		}
		written += int64(n)
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
	}
}

func (d *directWriter) close() {
	if d.buffer != nil {
		_ = unix.Munmap(d.buffer)
	}
}

// fill reads until buffer is full or there is an error, io.EOF at the end.
func fill(buffer []byte, content io.Reader) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = content.Read(buffer[n:])
		n += more
	}
	return n, err
}

func writeAll(fd int, bytes []byte) error {
	for len(bytes) > 0 {
		n, err := unix.Write(fd, bytes)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		bytes = bytes[n:]
	}
	return nil
}

func setDirect(fd int, isDirect bool) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	flags &^= unix.O_DIRECT
	if isDirect {
		flags |= unix.O_DIRECT
	}
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
	return err
}

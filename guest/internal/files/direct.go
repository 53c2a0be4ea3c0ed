package files

import (
	"io"

	"golang.org/x/sys/unix"

	"banger/guest/internal/directio"
)

const (
	// largeFile is the size in bytes from which a file is written past the page cache: each page there costs an emulated guest 0.1 ms.
	largeFile    = 256 << 10
	directBuffer = 1 << 20
)

// directWriter writes files past the page cache where their file system can.
type directWriter struct{ buffer []byte }

// copy writes content to the empty file fd, and answers how many bytes there were.
func (d *directWriter) copy(fd int, content io.Reader) (int64, error) {
	if d.buffer == nil {
		buffer, err := directio.NewBuffer(directBuffer)
		if err != nil {
			return 0, err
		}
		d.buffer = buffer
	}
	file := directFile{fd: fd, isDirect: setDirect(fd, true) == nil}
	defer setDirect(fd, false)
	for written := int64(0); ; {
		n, err := fill(d.buffer, content)
		done, problem := file.write(d.buffer[:n])
		written += int64(done)
		switch {
		case problem != nil:
			return written, problem
		case err == io.EOF:
			return written, nil
		case err != nil:
			return written, err
		}
	}
}

// directFile is an open file, and whether it is written past the page cache.
type directFile struct {
	fd       int
	isDirect bool
}

// write answers how many bytes have been written, also with an error. What is no whole unit ends the file and goes through the page
// cache; so does everything where a file system refuses after all, as an overlay takes the flag whatever it lies on.
func (f *directFile) write(bytes []byte) (done int, err error) {
	if f.isDirect {
		done, err = writeAll(f.fd, bytes[:len(bytes)/directio.Unit*directio.Unit])
		if err != nil && err != unix.EINVAL && err != unix.EOPNOTSUPP {
			return done, err
		}
		if done == len(bytes) {
			return done, nil
		}
		f.isDirect = false
		if err := setDirect(f.fd, false); err != nil {
			return done, err
		}
	}
	rest, err := writeAll(f.fd, bytes[done:])
	return done + rest, err
}

func (d *directWriter) close() { _ = directio.Free(d.buffer) }

// fill reads until buffer is full or there is an error, io.EOF at the end.
func fill(buffer []byte, content io.Reader) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = content.Read(buffer[n:])
		n += more
	}
	return n, err
}

// writeAll answers how many bytes have been written, also with an error.
func writeAll(fd int, bytes []byte) (done int, err error) {
	for done < len(bytes) {
		n, err := unix.Write(fd, bytes[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
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

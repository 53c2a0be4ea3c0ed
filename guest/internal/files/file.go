package files

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

func (x *extraction) file(parent int, name string, header *tar.Header, content io.Reader) error {
	mode := modeOf(header)
	fd, err := unix.Openat(parent, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode&0o777)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), name)
	var written int64
	if header.Size < largeFile {
		// Only Write, as the file's ReadFrom would bring a buffer of its own.
		written, err = io.CopyBuffer(struct{ io.Writer }{file}, content, x.buffer)
	} else {
		written, err = x.direct.copy(fd, content)
	}
	x.done.Bytes += written
	// The name in it is none that anybody knows.
	if named := (*fs.PathError)(nil); errors.As(err, &named) {
		err = named.Err
	}
	err = errors.Join(err, x.settleFile(fd, header), setTimes(fd, "", header))
	return errors.Join(err, file.Close())
}

// settleFile gives an open file its owner and mode where it has others: each change is a transaction of the file system.
func (x *extraction) settleFile(fd int, header *tar.Header) error {
	var status unix.Stat_t
	if err := unix.Fstat(fd, &status); err != nil {
		return err
	}
	uid, gid := x.ownerOf(header)
	if int(status.Uid) != uid || int(status.Gid) != gid {
		// It takes setuid and setgid away.
		status.Mode = 0
		if err := x.own(fd, "", header); err != nil {
			return err
		}
	}
	if status.Mode&0o7777 == modeOf(header) && status.Mode != 0 {
		return nil
	}
	return unix.Fchmod(fd, modeOf(header))
}

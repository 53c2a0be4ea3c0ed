package files

import (
	"archive/tar"
	"errors"
	"io"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
)

var (
	// errRefused is wrapped by complaints about the archive, as opposed to those of the file system.
	errRefused = errors.New("refused")
	// errChanged is wrapped where something is not what the sender said it was.
	errChanged = errors.New("changed meanwhile")
	// errTaken is wrapped where a new directory finds its name taken.
	errTaken = errors.New("made by somebody else meanwhile")
)

func codeOf(err error) api.Code {
	if errors.Is(err, errChanged) {
		return api.Changed
	}
	if errors.Is(err, ErrUnsafe) || errors.Is(err, errRefused) || errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return api.BadRequest
	}
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return api.NoSpace
	}
	return api.IO
}

func (x *extraction) codeOf(err error) api.Code {
	if x.isChecking && errors.Is(err, errTaken) {
		return api.Changed
	}
	return codeOf(err)
}

package files

import (
	"archive/tar"
	"errors"

	"golang.org/x/sys/unix"

	gittree "banger/guest/internal/tree"
)

// wasRecord is the pax record of an entry that says what it replaces.
const wasRecord = "BANGER.was"

// replaced is the name that something gets, and what should be there, if the sender has said.
type replaced struct {
	parent *place
	base   string
	was    *gittree.Was
	// buffer is for reading what is there.
	buffer []byte
}

func wasIn(header *tar.Header) (*gittree.Was, error) {
	text, found := header.PAXRecords[wasRecord]
	if !found {
		return nil, nil
	}
	was, err := gittree.ParseWas(text)
	if err != nil {
		return nil, errors.Join(errRefused, err)
	}
	return &was, nil
}

// isAsItWas tells whether nothing should be there, or nobody has said.
func (r replaced) isAsItWas() bool { return r.was == nil || r.was.IsNothing() }

// replaceBy renames something beside it, unless what is there has changed. It looks last of all, so that what a program writes
// meanwhile is not lost.
func (r replaced) replaceBy(name string) error {
	fd := r.parent.fd()
	if r.was == nil {
		return unix.Renameat(fd, name, fd, r.base)
	}
	if r.was.IsNothing() {
		err := unix.Renameat2(fd, name, fd, r.base, unix.RENAME_NOREPLACE)
		if errors.Is(err, unix.EEXIST) {
			return errChanged
		}
		// Not every file system can.
		if !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	isSame, err := r.was.Is(fd, r.base, r.buffer)
	if err != nil {
		return err
	}
	if !isSame {
		return errChanged
	}
	return unix.Renameat(fd, name, fd, r.base)
}

package files

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"banger/guest/internal/unfinished"
)

// staged is a new directory that gets its name once all is in it. The methods of a nil one do nothing.
type staged struct {
	parent *os.File
	// name is the clean name below the tree, for those that are in one.
	name string
	// base is the name it gets, unfinished the one it has.
	base, unfinished string
}

// stage makes it; the open parent is its own from then on.
func stage(parent *os.File, base string, mode uint32) (*staged, error) {
	unfinished.Sweep(parent)
	made := &staged{parent: parent, base: base, unfinished: unfinished.Name()}
	if err := unix.Mkdirat(int(parent.Fd()), made.unfinished, mode); err != nil {
		return nil, err
	}
	return made, nil
}

// publish gives it its name, which an empty directory may have meanwhile.
func (s *staged) publish() error {
	if s == nil {
		return nil
	}
	fd := int(s.parent.Fd())
	err := unix.Renameat(fd, s.unfinished, fd, s.base)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTDIR) {
		err = fmt.Errorf("%s: %w", cmp.Or(s.name, s.base), errTaken)
	}
	if err != nil {
		s.discard()
		return err
	}
	return s.parent.Close()
}

func (s *staged) discard() {
	if s == nil {
		return
	}
	unfinished.Remove(s.parent, s.unfinished)
	_ = s.parent.Close()
}

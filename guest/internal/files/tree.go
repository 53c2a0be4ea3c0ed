// Package files moves file trees in and out of the guest as tar streams.
package files

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrUnsafe is wrapped when an entry would reach outside of the tree it is extracted to.
var ErrUnsafe = errors.New("leaves the directory")

// tree is a directory below which things are made. Every path is resolved by the kernel without following a symlink
// and without leaving the directory, whatever happens in the guest at the same time.
type tree struct {
	root *os.File
	// The directory of the entry before: entries of one directory come together.
	lastName string
	last     *os.File
}

func openTree(directory string) (*tree, error) {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenFile(directory, unix.O_DIRECTORY|unix.O_PATH, 0)
	if err != nil {
		return nil, err
	}
	return &tree{root: root}, nil
}

func (t *tree) close() {
	if t.last != nil {
		_ = t.last.Close()
	}
	_ = t.root.Close()
}

// parse returns the clean relative form of an entry's name, "." for the tree itself.
func parse(name string) (string, error) {
	if name == "" || strings.Contains(name, "\x00") {
		return "", fmt.Errorf("%q is no file name", name)
	}
	if path.IsAbs(name) {
		return "", fmt.Errorf("%w: %q is absolute", ErrUnsafe, name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("%w: %q has a .. in it", ErrUnsafe, name)
		}
	}
	return path.Clean(name), nil
}

// parent returns the directory of a clean relative name, made where it is missing, and the name in it.
func (t *tree) parent(name string) (*os.File, string, error) {
	directory, base := path.Split(name)
	directory = path.Clean(directory)
	if t.last != nil && t.lastName == directory {
		return t.last, base, nil
	}
	opened, err := t.open(directory)
	if errors.Is(err, unix.ENOENT) {
		opened, err = t.makeAll(directory)
	}
	if err != nil {
		return nil, "", unsafe(directory, err)
	}
	if t.last != nil {
		_ = t.last.Close()
	}
	t.last, t.lastName = opened, directory
	return opened, base, nil
}

func (t *tree) open(directory string) (*os.File, error) {
	return openBeneath(t.root, directory, unix.O_DIRECTORY|unix.O_PATH)
}

func (t *tree) makeAll(directory string) (*os.File, error) {
	made := ""
	for part := range strings.SplitSeq(directory, "/") {
		above, err := t.open(path.Clean(made))
		if err != nil {
			return nil, err
		}
		err = unix.Mkdirat(int(above.Fd()), part, 0o755)
		_ = above.Close()
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return nil, err
		}
		made = path.Join(made, part)
	}
	return t.open(directory)
}

func openBeneath(root *os.File, name string, flags uint64) (*os.File, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	for {
		fd, err := unix.Openat2(int(root.Fd()), name, &how)
		// The kernel asks to try again when something was renamed meanwhile.
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// unsafe names what the kernel refused: a symlink or a file where a directory is needed.
func unsafe(name string, err error) error {
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EXDEV) || errors.Is(err, unix.ENOTDIR) {
		return fmt.Errorf("%w: %q is reached through something that is no directory", ErrUnsafe, name)
	}
	return err
}

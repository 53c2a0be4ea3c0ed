// Package files moves file trees in and out of the guest as tar streams.
package files

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"banger/guest/internal/unfinished"
)

// ErrUnsafe is wrapped when an entry would reach outside of the tree it is extracted to.
var ErrUnsafe = errors.New("leaves the directory")

// tree is a directory below which things are made. Every path is resolved by the kernel without following a symlink
// and without leaving the directory, whatever happens in the guest at the same time.
type tree struct {
	root *os.File
	// own is the tree itself, where it was not there before; below is the one new directory in it that is being filled. Both get
	// their names once they are whole, so that of a writer that is killed no half file stays, at the price of one rename for a
	// whole directory.
	own, below *staged
	// The directory of the entry before: entries of one directory come together.
	last *place
	// swept are the directories that have been looked through for what a writer that was killed left.
	swept map[string]bool
}

// place is an open directory of the tree.
type place struct {
	name   string
	opened *os.File
	// isHidden says that nothing in it has its name yet.
	isHidden bool
}

func (p *place) fd() int { return int(p.opened.Fd()) }

func openTree(directory string) (*tree, error) {
	directory = filepath.Clean(directory)
	if _, err := os.Lstat(directory); errors.Is(err, os.ErrNotExist) {
		return newTree(directory)
	}
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, err
	}
	root, err := openPath(directory)
	if err != nil {
		return nil, err
	}
	return &tree{root: root, swept: map[string]bool{}}, nil
}

func newTree(directory string) (*tree, error) {
	above := filepath.Dir(directory)
	if err := os.MkdirAll(above, 0o755); err != nil {
		return nil, err
	}
	parent, err := openPath(above)
	if err != nil {
		return nil, err
	}
	own, err := stage(parent, filepath.Base(directory), 0o755)
	if err != nil {
		return nil, errors.Join(err, parent.Close())
	}
	root, err := openBeneath(parent, own.unfinished, unix.O_DIRECTORY|unix.O_PATH)
	if err != nil {
		own.discard()
		return nil, err
	}
	return &tree{root: root, own: own, swept: map[string]bool{}}, nil
}

func openPath(directory string) (*os.File, error) {
	return os.OpenFile(directory, unix.O_DIRECTORY|unix.O_PATH, 0)
}

// close removes what has not got its name.
func (t *tree) close() {
	t.forget()
	t.below.discard()
	t.own.discard()
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

// leave gives the new directory its name when the archive goes on to what is not in it.
func (t *tree) leave(name string) error {
	if t.below == nil || strings.HasPrefix(name, t.below.name+"/") {
		return nil
	}
	below := t.below
	t.below = nil
	t.forget()
	return below.publish()
}

// finish gives everything its name.
func (t *tree) finish() error {
	own := t.own
	t.own = nil
	return own.publish()
}

// parent returns the directory of a clean relative name, made where it is missing, and the name in it.
func (t *tree) parent(name string) (*place, string, error) {
	directory, base := path.Split(name)
	directory = path.Clean(directory)
	if t.last != nil && t.last.name == directory {
		return t.last, base, nil
	}
	opened, err := t.open(directory)
	if errors.Is(err, unix.ENOENT) {
		opened, err = t.makeAll(directory)
	}
	if err != nil {
		return nil, "", unsafe(directory, err)
	}
	t.forget()
	_, isHidden := t.at(directory)
	t.last = &place{directory, opened, isHidden}
	if !isHidden && !t.swept[directory] {
		t.swept[directory] = true
		unfinished.Sweep(opened)
	}
	return t.last, base, nil
}

func (t *tree) forget() {
	if t.last != nil {
		_ = t.last.opened.Close()
	}
	t.last = nil
}

// at returns where a clean relative name is now, and whether that is still hidden.
func (t *tree) at(name string) (string, bool) {
	if t.below == nil || name != t.below.name && !strings.HasPrefix(name, t.below.name+"/") {
		return name, t.own != nil
	}
	return path.Join(path.Dir(t.below.name), t.below.unfinished) + name[len(t.below.name):], true
}

func (t *tree) open(directory string) (*os.File, error) {
	return t.openAs(directory, unix.O_DIRECTORY|unix.O_PATH)
}

func (t *tree) openAs(name string, flags uint64) (*os.File, error) {
	real, _ := t.at(name)
	return openBeneath(t.root, real, flags)
}

func (t *tree) makeAll(directory string) (*os.File, error) {
	made := ""
	for part := range strings.SplitSeq(directory, "/") {
		made = path.Join(made, part)
		if err := t.makeDirectory(made, 0o755); err != nil {
			return nil, err
		}
	}
	return t.open(directory)
}

// makeDirectory makes a directory whose parent is there, unless something has its name.
func (t *tree) makeDirectory(name string, mode uint32) error {
	real, isHidden := t.at(name)
	above, err := openBeneath(t.root, path.Dir(real), unix.O_DIRECTORY|unix.O_PATH)
	if err != nil {
		return err
	}
	if isHidden {
		err := unix.Mkdirat(int(above.Fd()), path.Base(real), mode)
		if errors.Is(err, unix.EEXIST) {
			err = nil
		}
		return errors.Join(err, above.Close())
	}
	if err := isThere(int(above.Fd()), path.Base(name)); !errors.Is(err, unix.ENOENT) {
		return errors.Join(err, above.Close())
	}
	below, err := stage(above, path.Base(name), mode)
	if err != nil {
		return errors.Join(err, above.Close())
	}
	below.name = name
	t.below = below
	return nil
}

// isThere returns nil where something has a name, ENOENT where nothing has.
func isThere(parent int, name string) error {
	var status unix.Stat_t
	return unix.Fstatat(parent, name, &status, unix.AT_SYMLINK_NOFOLLOW)
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

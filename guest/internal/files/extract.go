package files

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
	"banger/guest/internal/unfinished"
)

const copyBuffer = 64 << 10

// Owner overrides the owners in an archive.
type Owner struct{ UID, GID int }

// Extract unpacks the tar stream source below directory, which is made if missing. owner is nil to keep the owners of
// the archive. The error is an *api.Error that names the entry.
func Extract(directory string, source io.Reader, owner *Owner) (api.Extracted, error) {
	target, err := openTree(directory)
	if err != nil {
		return api.Extracted{}, api.Errorf(codeOf(err), "%w", err)
	}
	defer target.close()
	x := &extraction{tree: target, owner: owner, buffer: make([]byte, copyBuffer)}
	defer x.direct.close()
	// Headers and small files are taken from memory, not from the stream one by one.
	source = bufio.NewReaderSize(source, copyBuffer)
	for archive := tar.NewReader(source); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return x.done, api.Errorf(api.BadRequest, "tar: %w", err)
		}
		err = x.entry(header, archive)
		if errors.Is(err, errTaken) {
			// It is about what came before.
			return x.done, api.Errorf(x.codeOf(err), "%w", err)
		}
		if err != nil {
			return x.done, api.Errorf(x.codeOf(err), "%s: %w", header.Name, err)
		}
	}
	if err := x.finishDirectories(); err != nil {
		return x.done, api.Errorf(x.codeOf(err), "%w", err)
	}
	// Programs pad an archive; a sender must not be cut off in the middle of that.
	if _, err := io.Copy(io.Discard, source); err != nil {
		return x.done, api.Errorf(api.BadRequest, "tar: %w", err)
	}
	if err := x.tree.finish(); err != nil {
		return x.done, api.Errorf(x.codeOf(err), "%w", err)
	}
	return x.done, nil
}

type extraction struct {
	tree  *tree
	owner *Owner
	done  api.Extracted
	// buffer serves every file: one each would be most of the memory used.
	buffer []byte
	direct directWriter
	// directories get their modes and times last: a read-only one must be filled first.
	directories []directory
	// isChecking says that the sender told what should be there.
	isChecking bool
}

type directory struct {
	name   string
	header *tar.Header
}

func (x *extraction) entry(header *tar.Header, content io.Reader) error {
	name, err := parse(header.Name)
	if err != nil {
		return errors.Join(errRefused, err)
	}
	if err := x.tree.leave(name); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeXGlobalHeader:
		return nil
	case tar.TypeDir:
		return x.directory(name, header)
	case tar.TypeReg, tar.TypeSymlink, tar.TypeLink:
	default:
		return fmt.Errorf("%w: type %q is no file, directory or link", errRefused, header.Typeflag)
	}
	if name == "." {
		return fmt.Errorf("%w: a file in place of the directory itself", errRefused)
	}
	parent, base, err := x.tree.parent(name)
	if err != nil {
		return err
	}
	was, err := wasIn(header)
	if err != nil {
		return err
	}
	x.isChecking = x.isChecking || was != nil
	at, target := parent.fd(), replaced{parent, base, was, x.buffer}
	x.done.Files++
	switch header.Typeflag {
	case tar.TypeSymlink:
		return x.inPlace(target, func(name string) error { return x.symlink(at, name, header) })
	case tar.TypeLink:
		return x.hardLink(at, base, header)
	default:
		return x.inPlace(target, func(name string) error { return x.file(at, name, header, content) })
	}
}

// inPlace makes something beside its name and renames it, so that what has a name is whole, and what had it before stays until
// then. Where nothing is seen yet it is made under its name at once: always to rename would cost small files a third more.
func (x *extraction) inPlace(target replaced, make func(name string) error) error {
	parent := target.parent
	if parent.isHidden && target.isAsItWas() {
		// What is there is of this archive. One that does not get whole goes with all of it.
		if err := make(target.base); !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	name := unfinished.Name()
	err := make(name)
	if err == nil {
		err = target.replaceBy(name)
	}
	if err != nil {
		_ = unix.Unlinkat(parent.fd(), name, 0)
	}
	return err
}

func (x *extraction) symlink(parent int, name string, header *tar.Header) error {
	if err := unix.Symlinkat(header.Linkname, parent, name); err != nil {
		return err
	}
	return errors.Join(x.own(parent, name, header), setTimes(parent, name, header))
}

// hardLink links to an entry of the same archive; the target is held to the same rules as any name.
func (x *extraction) hardLink(parent int, base string, header *tar.Header) error {
	target, err := parse(header.Linkname)
	if err != nil {
		return errors.Join(errRefused, err)
	}
	existing, err := x.tree.openAs(target, unix.O_PATH|unix.O_NOFOLLOW)
	if err != nil {
		return fmt.Errorf("link to %q: %w", target, unsafe(target, err))
	}
	defer existing.Close()
	var status unix.Stat_t
	if err := unix.Fstat(int(existing.Fd()), &status); err != nil {
		return err
	}
	if status.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("%w: link to %q, which is no file", errRefused, target)
	}
	source := fmt.Sprintf("/proc/self/fd/%d", existing.Fd())
	// A rename would do nothing where both are names of one file already.
	if err := unix.Unlinkat(parent, base, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("replace: %w", err)
	}
	return unix.Linkat(unix.AT_FDCWD, source, parent, base, unix.AT_SYMLINK_FOLLOW)
}

func (x *extraction) directory(name string, header *tar.Header) error {
	x.directories = append(x.directories, directory{name, header})
	if name == "." {
		return nil
	}
	if _, _, err := x.tree.parent(name); err != nil {
		return err
	}
	if err := x.tree.makeDirectory(name, 0o700); err != nil {
		return err
	}
	opened, err := x.tree.open(name)
	if err != nil {
		return unsafe(name, err)
	}
	return opened.Close()
}

// finishDirectories settles the directories, which all but the tree itself have their names then.
func (x *extraction) finishDirectories() error {
	if err := x.tree.leave("."); err != nil {
		return err
	}
	for index := len(x.directories) - 1; index >= 0; index-- {
		entry := x.directories[index]
		opened, err := x.tree.openAs(entry.name, unix.O_DIRECTORY|unix.O_RDONLY)
		if err != nil {
			return fmt.Errorf("%s: %w", entry.name, unsafe(entry.name, err))
		}
		fd := int(opened.Fd())
		err = errors.Join(x.own(fd, "", entry.header), unix.Fchmod(fd, modeOf(entry.header)), setTimes(fd, "", entry.header), opened.Close())
		if err != nil {
			return fmt.Errorf("%s: %w", entry.name, err)
		}
	}
	return nil
}

func (x *extraction) ownerOf(header *tar.Header) (uid, gid int) {
	if x.owner != nil {
		return x.owner.UID, x.owner.GID
	}
	return header.Uid, header.Gid
}

// own sets the owner of name in the directory at, or of at itself when name is empty.
func (x *extraction) own(at int, name string, header *tar.Header) error {
	uid, gid := x.ownerOf(header)
	if os.Geteuid() != 0 && uid == os.Geteuid() {
		return nil
	}
	return unix.Fchownat(at, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH)
}

// setTimes sets both times of name in the directory at, or of at itself when name is empty.
func setTimes(at int, name string, header *tar.Header) error {
	modified := header.ModTime
	if modified.IsZero() {
		modified = time.Unix(0, 0)
	}
	stamp, err := unix.TimeToTimespec(modified)
	if err != nil {
		return fmt.Errorf("%w: time %s", errRefused, modified)
	}
	return unix.UtimesNanoAt(at, name, []unix.Timespec{stamp, stamp}, unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH)
}

// modeOf keeps the permission bits with setuid, setgid and sticky.
func modeOf(header *tar.Header) uint32 { return modeBits(header.FileInfo().Mode()) }

func modeBits(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		bits |= unix.S_ISUID
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= unix.S_ISGID
	}
	if mode&fs.ModeSticky != 0 {
		bits |= unix.S_ISVTX
	}
	return bits
}

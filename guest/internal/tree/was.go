package tree

import (
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
)

// Was is what somebody saw at a name, and means to replace or remove: nothing, or a file or symlink of one content.
type Was struct {
	// id is empty for nothing, mode for any.
	mode, id string
}

const nothing = "nothing"

// ParseWas reads `nothing`, `ID` or `MODE ID`, both as Identify tells them.
func ParseWas(text string) (Was, error) {
	mode, id, found := strings.Cut(text, " ")
	if !found {
		mode, id = "", text
	}
	if text == nothing {
		return Was{}, nil
	}
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 20 {
		return Was{}, api.Errorf(api.BadRequest, "%q is not what a file can be", text)
	}
	return Was{mode, id}, nil
}

// IsNothing tells whether nothing was there.
func (w Was) IsNothing() bool { return w.id == "" }

// Is tells whether that is still at base in an open directory. A change that comes while it reads is one. The calls are few and by
// descriptor: each file that is replaced waits for them.
func (w Was) Is(parent int, base string, buffer []byte) (bool, error) {
	if w.IsNothing() {
		_, err := statAt(parent, base)
		return isGone(err), nil
	}
	fd, err := unix.Openat(parent, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ELOOP) {
		return w.isLink(parent, base, buffer)
	}
	// ENXIO: a socket.
	if isGone(err) || errors.Is(err, unix.ENXIO) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	var before unix.Stat_t
	if err := unix.Fstat(fd, &before); err != nil {
		return false, err
	}
	if before.Mode&unix.S_IFMT != unix.S_IFREG || w.mode != "" && w.mode != modeOf(before) {
		return false, nil
	}
	id, _, err := hashOf(before.Size, io.LimitReader(descriptor(fd), before.Size), buffer, nil)
	if err != nil || id != w.id {
		return false, err
	}
	after, err := statAt(parent, base)
	return err == nil && after.Dev == before.Dev && after.Ino == before.Ino && after.Size == before.Size && after.Mtim == before.Mtim &&
		after.Ctim == before.Ctim, nil
}

func (w Was) isLink(parent int, base string, buffer []byte) (bool, error) {
	target := make([]byte, unix.PathMax)
	size, err := unix.Readlinkat(parent, base, target)
	// EINVAL: no symlink any more.
	if isGone(err) || errors.Is(err, unix.EINVAL) {
		return false, nil
	}
	if err != nil || w.mode != "" && w.mode != "120000" {
		return false, err
	}
	id, _, err := hashOf(int64(size), strings.NewReader(string(target[:size])), buffer, nil)
	return err == nil && id == w.id, err
}

func modeOf(status unix.Stat_t) string {
	if status.Mode&0o100 != 0 {
		return "100755"
	}
	return "100644"
}

func statAt(parent int, base string) (unix.Stat_t, error) {
	var status unix.Stat_t
	err := unix.Fstatat(parent, base, &status, unix.AT_SYMLINK_NOFOLLOW)
	return status, err
}

func isGone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) }

// descriptor reads from an open file.
type descriptor int

func (d descriptor) Read(into []byte) (int, error) {
	for {
		count, err := unix.Read(int(d), into)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && count == 0 {
			return 0, io.EOF
		}
		return max(count, 0), err
	}
}

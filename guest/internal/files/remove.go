package files

import (
	"errors"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
	gittree "banger/guest/internal/tree"
	"banger/guest/internal/unfinished"
)

// Remove unlinks the files and symlinks with these names below directory, and the directories that are empty then, up to
// directory itself. An empty directory goes as well; one that holds something stays, as does what is reached through
// something that is no directory. was says what each should be, or is nil; what is something else fails the call, what is gone
// does not. The error is an *api.Error that names the entry.
func Remove(directory string, names []string, was []*gittree.Was) (api.Removed, error) {
	var done api.Removed
	root, err := os.OpenFile(directory, unix.O_DIRECTORY|unix.O_PATH, 0)
	if err != nil {
		return done, api.Errorf(api.IO, "%w", err)
	}
	defer root.Close()
	for index, name := range names {
		clean, err := parse(name)
		if err != nil || clean == "." {
			return done, api.Errorf(api.BadRequest, "%q is no name below the directory", name)
		}
		var expected *gittree.Was
		if was != nil {
			expected = was[index]
		}
		removed, err := removeBelow(root, clean, expected)
		if err != nil {
			return done, api.Errorf(codeOf(err), "%s: %w", name, err)
		}
		if !removed {
			continue
		}
		done.Files++
		for above := path.Dir(clean); above != "."; above = path.Dir(above) {
			if removed, err := removeDirectory(root, above); err != nil || !removed {
				break
			}
		}
	}
	return done, nil
}

func removeBelow(root *os.File, name string, was *gittree.Was) (bool, error) {
	parent, err := openBeneath(root, path.Dir(name), unix.O_DIRECTORY|unix.O_PATH)
	if isAbsent(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer parent.Close()
	if err := refuseChanged(parent, path.Base(name), was); err != nil {
		return false, err
	}
	err = unix.Unlinkat(int(parent.Fd()), path.Base(name), 0)
	if errors.Is(err, unix.EISDIR) {
		return removeDirectory(root, name)
	}
	if isAbsent(err) {
		return false, nil
	}
	return err == nil, err
}

// refuseChanged fails for a file or symlink that is not what it was. Of a directory only an empty one is removed.
func refuseChanged(parent *os.File, base string, was *gittree.Was) error {
	if was == nil {
		return nil
	}
	var status unix.Stat_t
	err := unix.Fstatat(int(parent.Fd()), base, &status, unix.AT_SYMLINK_NOFOLLOW)
	if isAbsent(err) || err == nil && status.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil
	}
	if err != nil {
		return err
	}
	isSame, err := was.Is(int(parent.Fd()), base, make([]byte, min(max(status.Size, 1), copyBuffer)))
	if err == nil && !isSame {
		err = errChanged
	}
	return err
}

func removeDirectory(root *os.File, name string) (bool, error) {
	parent, err := openBeneath(root, path.Dir(name), unix.O_DIRECTORY|unix.O_PATH)
	if err != nil {
		return false, err
	}
	defer parent.Close()
	err = unix.Unlinkat(int(parent.Fd()), path.Base(name), unix.AT_REMOVEDIR)
	if errors.Is(err, unix.ENOTEMPTY) && sweptBelow(parent, path.Base(name)) {
		err = unix.Unlinkat(int(parent.Fd()), path.Base(name), unix.AT_REMOVEDIR)
	}
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.EBUSY) || isAbsent(err) {
		return false, nil
	}
	return err == nil, err
}

func sweptBelow(parent *os.File, name string) bool {
	opened, err := openBeneath(parent, name, unix.O_DIRECTORY|unix.O_PATH)
	if err != nil {
		return false
	}
	defer opened.Close()
	return unfinished.Sweep(opened)
}

func isAbsent(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EXDEV)
}

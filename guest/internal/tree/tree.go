// Package tree tells what is in a directory in the terms of git: names, modes and blob ids, without any git.
package tree

import (
	"crypto/sha1" //nolint:gosec // Git names blobs by it.
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
	"banger/guest/internal/unfinished"
)

const copyBuffer = 256 << 10

// Root returns the directory at an absolute path, or the one that a symlink there leads to: where its owner moves it to is theirs
// to choose. The error is an *api.Error: what is no directory must not be told as an empty one.
func Root(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", api.Errorf(api.BadRequest, "path %q is not absolute", path)
	}
	info, err := os.Stat(path)
	if gone(err) || err == nil && !info.IsDir() {
		return "", api.Errorf(api.NotFound, "no directory at %s", path)
	}
	if err != nil {
		return "", api.Errorf(api.IO, "%w", err)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", api.Errorf(api.IO, "%w", err)
	}
	return real, nil
}

// List calls tell for every file, symlink and repository below directory, in the order of their names, with the stamps
// that are wanted. Content is not read. Directories called .git are left out, as are devices, sockets, fifos, what is
// being extracted and what vanishes meanwhile, unless that is directory itself, which Root has found.
func List(directory string, stamps Stamps, tell func(api.TreeEntry) error) error {
	return Unmoved(directory, func() error { return listBelow(directory, stamps, tell) })
}

// Unmoved fails where directory is not the same after work as before: below one that is moved away meanwhile, file by file looks as
// if it were gone.
func Unmoved(directory string, work func() error) error {
	before, err := os.Lstat(directory)
	if err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	after, err := os.Lstat(directory)
	if err != nil {
		return err
	}
	if !before.IsDir() || !os.SameFile(before, after) {
		return fmt.Errorf("%s: %w", directory, errMoved)
	}
	return nil
}

var errMoved = errors.New("something else is there by now")

func listBelow(directory string, stamps Stamps, tell func(api.TreeEntry) error) error {
	began := time.Now()
	return filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if gone(err) && path != directory {
				return nil
			}
			return err
		}
		if path == directory {
			return nil
		}
		if unfinished.Is(entry.Name()) {
			return skip(entry)
		}
		name, err := filepath.Rel(directory, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return listDirectory(path, name, entry, tell)
		}
		found, info, err := describe(path, name)
		if err != nil || found == nil {
			return err
		}
		found.Stamp = stamps.of(info, began)
		return tell(*found)
	})
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func listDirectory(path, name string, entry fs.DirEntry, tell func(api.TreeEntry) error) error {
	if entry.Name() == ".git" {
		return fs.SkipDir
	}
	if _, err := os.Lstat(filepath.Join(path, ".git")); err != nil {
		return nil
	}
	if err := tell(named(api.TreeEntry{Type: "repository"}, name)); err != nil {
		return err
	}
	return fs.SkipDir
}

// Identify calls tell for each of the names below directory that is a file or symlink, with the id of its blob.
func Identify(directory string, names []string, tell func(api.TreeEntry) error) error {
	return Unmoved(directory, func() error { return identifyBelow(directory, names, tell) })
}

func identifyBelow(directory string, names []string, tell func(api.TreeEntry) error) error {
	buffer := make([]byte, copyBuffer)
	for _, name := range names {
		path, err := Below(directory, name)
		if err != nil {
			return err
		}
		found, _, err := describe(path, name)
		if err != nil {
			return err
		}
		if found == nil {
			continue
		}
		if found.ID, found.Size, err = blobID(path, found.Type, buffer); err != nil {
			if gone(err) {
				continue
			}
			return fmt.Errorf("%q: %w", name, err)
		}
		if err := tell(*found); err != nil {
			return err
		}
	}
	return nil
}

// Below returns the path of a relative name; the error is an *api.Error for one that leaves directory.
func Below(directory, name string) (string, error) {
	if !filepath.IsLocal(name) || strings.Contains(name, "\x00") {
		return "", api.Errorf(api.BadRequest, "%q leaves the directory", name)
	}
	return filepath.Join(directory, name), nil
}

// describe returns nil for what is neither a file nor a symlink, or is not there.
func describe(path, name string) (*api.TreeEntry, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if gone(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	entry := named(api.TreeEntry{Size: info.Size()}, name)
	switch {
	case info.Mode().IsRegular() && info.Mode()&0o100 != 0:
		entry.Type, entry.Mode = "file", "100755"
	case info.Mode().IsRegular():
		entry.Type, entry.Mode = "file", "100644"
	case info.Mode()&fs.ModeSymlink != 0:
		entry.Type, entry.Mode = "symlink", "120000"
	default:
		return nil, nil, nil
	}
	return &entry, info, nil
}

func named(entry api.TreeEntry, name string) api.TreeEntry {
	if utf8.ValidString(name) {
		entry.Path = name
	} else {
		entry.Path64 = []byte(name)
	}
	return entry
}

// blobID returns the id git gives the content, and its size.
func blobID(path, kind string, buffer []byte) (string, int64, error) {
	if kind == "symlink" {
		target, err := os.Readlink(path)
		return hashOf(int64(len(target)), strings.NewReader(target), buffer, err)
	}
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return "", 0, err
	}
	return hashOf(info.Size(), io.LimitReader(file, info.Size()), buffer, nil)
}

// hashOf names a blob of size bytes; a content that has shrunk meanwhile gets the name of no blob there is.
func hashOf(size int64, content io.Reader, buffer []byte, err error) (string, int64, error) {
	if err != nil {
		return "", 0, err
	}
	hash := sha1.New() //nolint:gosec // See the import.
	fmt.Fprintf(hash, "blob %d\x00", size)
	if _, err := io.CopyBuffer(hash, onlyReader{content}, buffer); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(hash.Sum(nil)), size, nil
}

// onlyReader hides shortcuts that would not use the buffer.
type onlyReader struct{ io.Reader }

func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO)
}

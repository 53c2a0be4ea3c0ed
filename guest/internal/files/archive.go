package files

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
)

// Check answers whether something is at name; the error is an *api.Error.
func Check(name string) error {
	_, err := Stat(name)
	return err
}

// Stat tells what is at name, and what a symlink there leads to; the error is an *api.Error.
func Stat(name string) (api.FileStat, error) {
	if !filepath.IsAbs(name) {
		return api.FileStat{}, api.Errorf(api.BadRequest, "path %q is not absolute", name)
	}
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return api.FileStat{}, api.Errorf(api.NotFound, "nothing at %s", name)
	}
	if err != nil {
		return api.FileStat{}, api.Errorf(api.IO, "%w", err)
	}
	stat := api.FileStat{Type: typeOf(info.Mode()), Mode: modeBits(info.Mode()), Size: info.Size()}
	if stat.Type != "symlink" {
		return stat, nil
	}
	stat.LeadsTo = "nothing"
	if real, err := filepath.EvalSymlinks(name); err == nil {
		if behind, err := os.Lstat(real); err == nil {
			stat.LeadsTo, stat.RealPath64 = typeOf(behind.Mode()), []byte(real)
		}
	}
	return stat, nil
}

func typeOf(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "file"
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "symlink"
	default:
		return "other"
	}
}

// Archive writes the file or tree at name as a tar stream, named relative to its parent. Symlinks stay symlinks;
// devices, sockets and fifos are left out, and so is what vanishes while it is read.
func Archive(name string, target io.Writer) error {
	archive := tar.NewWriter(target)
	name = filepath.Clean(name)
	parent := filepath.Dir(name)
	err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		if vanished(err) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(parent, path)
		if err != nil {
			return err
		}
		err = addEntry(archive, path, relative, entry)
		if vanished(err) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// ArchiveEach writes the files and symlinks at paths as a tar stream in which each is named by its position, from 0: the
// reader knows the names and need not trust any here. The target of a symlink is the content of an entry named with an @
// behind its position, so that it arrives byte by byte. What is something else, or gone, is left out.
func ArchiveEach(paths []string, target io.Writer) error {
	archive := tar.NewWriter(target)
	for index, path := range paths {
		info, err := os.Lstat(path)
		switch {
		case err == nil && info.Mode().IsRegular():
			err = addFile(archive, path, strconv.Itoa(index))
		case err == nil && info.Mode()&fs.ModeSymlink != 0:
			err = addTarget(archive, path, strconv.Itoa(index)+"@")
		}
		if err != nil && !vanished(err) && !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, syscall.EINVAL) {
			return err
		}
	}
	return archive.Close()
}

func addTarget(archive *tar.Writer, path, name string) error {
	link, err := os.Readlink(path)
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o777, Size: int64(len(link)), Format: tar.FormatPAX}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.WriteString(archive, link)
	return err
}

func vanished(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func addEntry(archive *tar.Writer, path, relative string, entry fs.DirEntry) error {
	switch entry.Type() {
	case 0:
		return addFile(archive, path, relative)
	case fs.ModeDir, fs.ModeSymlink:
	default:
		return nil
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	link := ""
	if entry.Type() == fs.ModeSymlink {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	return writeHeader(archive, info, relative, link)
}

func addFile(archive *tar.Writer, path, relative string) error {
	// Not blocking: the file may have become a fifo since the directory was read.
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	if err := writeHeader(archive, info, relative, ""); err != nil {
		return err
	}
	copied, err := io.CopyN(archive, file, info.Size())
	if errors.Is(err, io.EOF) {
		// The file has shrunk; its size is already out. Zeros fill it, as tar(1) does.
		_, err = io.CopyN(archive, zeros{}, info.Size()-copied)
	}
	return err
}

func writeHeader(archive *tar.Writer, info fs.FileInfo, relative, link string) error {
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	header.Name = relative
	if info.IsDir() {
		header.Name += "/"
	}
	// Numbers say it all; names mean something else on the other side.
	header.Uname, header.Gname = "", ""
	// Names are bytes: pax would have them UTF-8, and readers take it at its word.
	header.Format = tar.FormatGNU
	return archive.WriteHeader(header)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

package configure

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

func readIfThere(name string) (string, error) {
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(content), err
}

// writeIfDifferent makes name a regular file with that content. A symlink is replaced, not followed: resolv.conf often
// points to a file of a service that does not run here. Nothing is written when it is so already, which saves a
// copy into the overlay.
func writeIfDifferent(name, content string, mode uint32) error {
	if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
		if existing, err := os.ReadFile(name); err == nil && string(existing) == content {
			return nil
		}
	}
	return replace(name, content, mode)
}

func writeIfAbsent(name, content string, mode uint32) error {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return replace(name, content, mode)
}

// replace puts a complete file in place at once: a reader sees the old one or the new one.
func replace(name, content string, mode uint32) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	temporary := name + ".banger-new"
	if err := os.WriteFile(temporary, []byte(content), fs.FileMode(mode)); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(temporary, fs.FileMode(mode)), os.Rename(temporary, name)); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}

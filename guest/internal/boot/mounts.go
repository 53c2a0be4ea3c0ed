// Package boot is the guest's way from the kernel's first process to the image's init.
package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Mount is one mount to make.
type Mount struct {
	Source string
	Target string
	Type   string
	Flags  uintptr
	Data   string
}

// early is what the agent itself needs; all four are moved into the image's root later.
var early = []Mount{
	{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV, ""},
	{"sysfs", "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV, ""},
	{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID, "mode=0755"},
	{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=0755,size=20%"},
}

// late is what commands need and what systemd would mount itself: made early, it lets commands run before init.
var late = []Mount{
	{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666"},
	{"tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
	{"cgroup2", "/sys/fs/cgroup", "cgroup2", unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV, "nsdelegate,memory_recursiveprot"},
}

// deviceLinks are the names in /dev that the kernel leaves to user space.
var deviceLinks = map[string]string{
	"/dev/fd":     "/proc/self/fd",
	"/dev/stdin":  "/proc/self/fd/0",
	"/dev/stdout": "/proc/self/fd/1",
	"/dev/stderr": "/proc/self/fd/2",
	"/dev/core":   "/proc/kcore",
}

// MountKernelFileSystems makes the mounts of the kernel's own file systems in the initramfs.
func MountKernelFileSystems() error {
	for _, mount := range append(append([]Mount{}, early...), late...) {
		if err := mount.Make(); err != nil {
			return err
		}
	}
	for name, target := range deviceLinks {
		if err := os.Symlink(target, name); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// Make makes the target directory where it is missing and mounts.
func (m Mount) Make() error {
	if err := os.MkdirAll(m.Target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(m.Source, m.Target, m.Type, m.Flags, m.Data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", m.Source, m.Target, err)
	}
	return nil
}

// moveMounts moves the kernel's file systems below root, with everything mounted in them.
func moveMounts(root string) error {
	for _, mount := range early {
		target := filepath.Join(root, mount.Target)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(mount.Target, target, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s to %s: %w", mount.Target, target, err)
		}
	}
	return nil
}

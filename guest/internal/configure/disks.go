package configure

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
	"banger/guest/internal/boot"
)

const (
	baseDirectory = "/base"
	dataDirectory = "/data"
)

// volumes are the directories of container engines: they make overlays of their own, which an overlay cannot carry,
// so they live on the data disk directly.
var volumes = []string{"docker", "containerd", "containers", "buildkit"}

// mountRoot mounts base and data and their overlay at boot.NewRoot. The returned directory is the root of the data
// disk; it stays reachable through its descriptor when the paths of the initramfs are gone.
func mountRoot(disks api.Disks) (*os.File, error) {
	if err := mountDisk(disks.Base, baseDirectory, unix.MS_RDONLY); err != nil {
		return nil, err
	}
	if err := mountDisk(disks.Data, dataDirectory, unix.MS_NOATIME); err != nil {
		return nil, err
	}
	for _, name := range []string{"upper", "work", "volumes"} {
		if err := os.Mkdir(filepath.Join(dataDirectory, name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	overlay := boot.Mount{
		Source: "overlay", Target: boot.NewRoot, Type: "overlay",
		Data: "lowerdir=" + baseDirectory + ",upperdir=" + dataDirectory + "/upper,workdir=" + dataDirectory + "/work,metacopy=on,redirect_dir=on",
	}
	if err := overlay.Make(); err != nil {
		return nil, err
	}
	return os.Open(dataDirectory)
}

func mountDisk(disk api.Disk, target string, flags uintptr) error {
	if err := awaitBlockDevice(disk.Device); err != nil {
		return err
	}
	return boot.Mount{Source: disk.Device, Target: target, Type: disk.Type, Flags: flags}.Make()
}

func awaitBlockDevice(device string) error {
	for deadline := time.Now().Add(deviceDeadline); ; time.Sleep(devicePoll) {
		_, err := os.Stat(device)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no block device %s", device)
		}
	}
}

// bindVolumes puts the data disk's volumes over /var/lib of the root, which is the image's by now.
func bindVolumes(data *os.File) error {
	for _, name := range volumes {
		volume := filepath.Join("volumes", name)
		if err := unix.Mkdirat(int(data.Fd()), volume, 0o711); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("volume %s: %w", name, err)
		}
		source := fmt.Sprintf("/proc/self/fd/%d/%s", data.Fd(), volume)
		bind := boot.Mount{Source: source, Target: filepath.Join("/var/lib", name), Flags: unix.MS_BIND}
		if err := bind.Make(); err != nil {
			return err
		}
	}
	return nil
}

// mountModules puts the kernel's modules where modprobe looks for them.
func mountModules(disk *api.Disk) error {
	if disk == nil {
		return nil
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	release := unix.ByteSliceToString(name.Release[:])
	return mountDisk(*disk, filepath.Join("/lib/modules", release), unix.MS_RDONLY)
}

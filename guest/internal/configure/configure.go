package configure

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"banger/guest/internal/api"
	"banger/guest/internal/clock"
	"banger/guest/internal/events"
)

// Deps are what Prepare needs of the rest of the agent.
type Deps struct {
	// SwitchRoot makes boot.NewRoot the root of this process and of the first.
	SwitchRoot func() error
	Journal    *events.Journal
}

// Prepared is a guest whose root is in place and whose init may start.
type Prepared struct {
	Init Found
	// Data is the root of the data disk.
	Data *os.File
	// ImageSSH says whether the image's own sshd serves port 22; else the agent does.
	ImageSSH bool
}

// Prepare does all of configure but starting init. After an error the guest is of no use.
func Prepare(body api.Configure, deps Deps) (*Prepared, error) {
	offset, err := clock.Set(body.TimeUnixMs)
	if err != nil {
		return nil, fmt.Errorf("set the clock: %w", err)
	}
	deps.Journal.Logf(events.Info, "the clock was off by %s", offset)
	var data *os.File
	err = together(
		func() error { return setHostname(body.Hostname) },
		func() error { return bringUpNetwork(body.Network) },
		func() (err error) {
			if data, err = mountRoot(body.Disks); err != nil {
				return err
			}
			return grow(body.Disks.Data, data, deps.Journal)
		},
	)
	if err != nil {
		return nil, err
	}
	if err := deps.SwitchRoot(); err != nil {
		return nil, fmt.Errorf("change root: %w", err)
	}
	return furnish(body, data)
}

func grow(disk api.Disk, data *os.File, journal *events.Journal) error {
	if disk.Type != "ext4" {
		return nil
	}
	grown, err := growExt4(disk.Device, data)
	if grown {
		journal.Logf(events.Info, "%s has grown to the size of its device", disk.Device)
	}
	return err
}

// furnish fills the new root; from here on "/" is the image's.
func furnish(body api.Configure, data *os.File) (*Prepared, error) {
	prepared := &Prepared{Data: data, Init: Found{Kind: api.InitNone}}
	if body.Init == "auto" {
		prepared.Init = FindInit("/")
	}
	isSystemd := prepared.Init.Kind == api.InitSystemd
	prepared.ImageSSH = isSystemd && hasSSHD("/")
	steps := []func() error{
		func() error { return bindVolumes(data) },
		func() error { return mountModules(body.Disks.Modules) },
		makeTemporaryDirectory,
		func() error { return writeIdentity("/", body) },
		func() error { return writeSSH(body.SSH) },
		func() error { return writeGitIdentity("/", body.Git) },
		func() error { return writeProfile("/", body.Env) },
	}
	if isSystemd {
		steps = append(steps, func() error { return writeUnits(prepared.ImageSSH) })
	}
	if err := together(steps...); err != nil {
		return nil, err
	}
	return prepared, nil
}

// together runs independent steps at once: most of them wait for a disk or for another processor.
func together(steps ...func() error) error {
	problems := make([]error, len(steps))
	var all sync.WaitGroup
	for index, step := range steps {
		all.Go(func() { problems[index] = step() })
	}
	all.Wait()
	return errors.Join(problems...)
}

// makeTemporaryDirectory makes /tmp where the image has none; the mode of one that is there is the image's affair.
func makeTemporaryDirectory() error {
	err := os.Mkdir("/tmp", 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return errors.Join(err, os.Chmod("/tmp", fs.ModeSticky|0o777))
}

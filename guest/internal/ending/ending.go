// Package ending notices that the guest goes down, whoever asked, and in which mode.
package ending

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
	"banger/guest/internal/inotify"
)

// systemd's last act is to become this program, whose first argument is the mode.
const shutdownProgram = "systemd-shutdown"

var shutdownDirectories = []string{"/usr/lib/systemd", "/lib/systemd"}

const (
	// execDeadline is how long after the program was opened process 1 must have become it; anybody may open it.
	execDeadline = 2 * time.Second
	execPoll     = time.Millisecond
)

// WatchSystemd calls end when systemd has begun its last act. The directory is watched and not the file, as an
// upgrade of systemd replaces the file.
func WatchSystemd(ctx context.Context, end func(api.Mode)) error {
	opened := make(chan struct{}, 1)
	go follow(ctx, opened, end)
	for _, directory := range shutdownDirectories {
		if _, err := os.Stat(filepath.Join(directory, shutdownProgram)); err != nil {
			continue
		}
		return inotify.Watch(ctx, directory, unix.IN_OPEN, func(name string) {
			if name == shutdownProgram {
				select {
				case opened <- struct{}{}:
				default:
				}
			}
		})
	}
	return errors.New("no systemd-shutdown: a reboot from inside looks like a crash")
}

func follow(ctx context.Context, opened <-chan struct{}, end func(api.Mode)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-opened:
		}
		for deadline := time.Now().Add(execDeadline); time.Now().Before(deadline); time.Sleep(execPoll) {
			commandLine, err := os.ReadFile("/proc/1/cmdline")
			if err != nil {
				continue
			}
			if mode, ok := ParseShutdown(string(commandLine)); ok {
				end(mode)
				return
			}
		}
	}
}

// ParseShutdown reads the mode off the command line of systemd-shutdown, words ended by zero bytes.
func ParseShutdown(commandLine string) (api.Mode, bool) {
	words := strings.Split(commandLine, "\x00")
	if filepath.Base(words[0]) != shutdownProgram {
		return "", false
	}
	for _, word := range words[1:] {
		switch word {
		case "reboot", "kexec":
			return api.ModeReboot, true
		case "poweroff", "exit":
			return api.ModePoweroff, true
		case "halt":
			return api.ModeHalt, true
		}
	}
	return "", false
}

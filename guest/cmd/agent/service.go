package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/boot"
	"banger/guest/internal/bulk"
	"banger/guest/internal/channel"
	"banger/guest/internal/configure"
	"banger/guest/internal/dial"
	"banger/guest/internal/ending"
	"banger/guest/internal/events"
	"banger/guest/internal/execs"
	"banger/guest/internal/guest"
	"banger/guest/internal/server"
	"banger/guest/internal/sshd"
)

const (
	commandsCgroup = "/sys/fs/cgroup/banger"
	searchPath     = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// runService is the composition root of the service process.
func runService() error {
	prepareProcess()
	commandLine, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	settings := boot.ParseSettings(string(commandLine))
	journal := events.NewJournal(events.Deps{Uptime: uptime, Now: time.Now, Mirror: mirrorToConsole})
	journal.Logf(events.Info, "agent %s starts at %s", version, uptime().Round(time.Millisecond))
	launcher := &execs.Launcher{Cgroup: execs.NewCgroup(commandsCgroup), ResetOOMScore: true}
	registry := execs.NewRegistry(launcher)
	loaded := loadModules(journal)
	state := guest.New(guest.Deps{
		Version:       version,
		Uptime:        uptime,
		First:         boot.ConnectFirst(),
		Journal:       journal,
		Execs:         registry,
		Launcher:      launcher,
		ModulesLoaded: loaded,
		ServeSSH:      func(address string) error { return serveSSH(address, registry, journal) },
	})
	calls := server.New(server.Deps{Guest: state, Journal: journal, Execs: registry, Dialer: dial.NewDialer(), Bulk: bulk.NewDisk()})
	if settings.Channel == boot.ChannelVsock {
		// A port can be waited for, an address family cannot.
		<-loaded
	}
	return serveChannel(context.Background(), settings.Channel, calls.ServeConn)
}

// prepareProcess sets what must not be inherited from the kernel's bare environment.
func prepareProcess() {
	unix.Umask(0o022)
	_ = os.Setenv("PATH", searchPath)
	// The way to the guest must survive a guest that runs out of memory.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)
}

// loadModules loads while the channel is already being opened; what it returns closes when all is loaded.
func loadModules(journal *events.Journal) <-chan struct{} {
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		if err := boot.LoadModules(boot.ModulesDirectory); err != nil {
			journal.Logf(events.Error, "%v", err)
		}
		journal.Logf(events.Info, "kernel modules are loaded at %s", uptime().Round(time.Millisecond))
		// The initramfs is memory.
		_ = os.RemoveAll(boot.ModulesDirectory)
	}()
	return loaded
}

func serveChannel(ctx context.Context, kind boot.ChannelKind, serve func(net.Conn)) error {
	switch kind {
	case boot.ChannelSerial:
		port, err := channel.OpenVirtioPort(ctx)
		if err != nil {
			return err
		}
		return channel.ServeSerial(ctx, port, serve)
	case boot.ChannelVsock:
		return channel.ServeVsock(ctx, channel.HostOnly, serve)
	}
	return fmt.Errorf("unknown channel %q", kind)
}

func serveSSH(address string, registry *execs.Registry, journal *events.Journal) error {
	server, err := sshd.New(sshd.Deps{
		HostKeyFile:        configure.HostKeyFile,
		AuthorizedKeysFile: configure.AuthorizedKeysFile,
		Execs:              registry,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	journal.Logf(events.Info, "the agent serves SSH: the image has no server of its own that init would start")
	return server.Serve(listener)
}

// uptime includes the time the machine was suspended.
func uptime() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}

func mirrorToConsole(line events.Log) {
	if line.Level != events.Info {
		ending.WriteConsole(line.Message)
	}
}

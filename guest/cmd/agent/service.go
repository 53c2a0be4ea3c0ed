package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
	"banger/guest/internal/boot"
	"banger/guest/internal/channel"
	"banger/guest/internal/events"
	"banger/guest/internal/execs"
	"banger/guest/internal/server"
)

// runService is the composition root of the service process.
func runService() error {
	ctx := context.Background()
	commandLine, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return err
	}
	settings := boot.ParseSettings(string(commandLine))
	journal := events.NewJournal(events.Deps{Uptime: uptime, Now: time.Now, Mirror: mirrorToConsole})
	launcher := &execs.Launcher{Cgroup: -1}
	registry := execs.NewRegistry(launcher)
	calls := server.New(server.Deps{
		Health: func() api.Health {
			return api.Health{Version: version, Protocol: api.Protocol, Stage: api.StageWaiting, Readiness: journal.Levels(), UptimeMs: uptime().Milliseconds()}
		},
		Configure: func(context.Context, api.Configure) error { return api.Errorf(api.Failed, "not yet") },
		Shutdown: func(context.Context, api.Shutdown) error {
			registry.EndAll(time.Second)
			unix.Sync()
			time.AfterFunc(20*time.Millisecond, func() { _ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF) })
			return nil
		},
		Journal: journal,
		Execs:   registry,
	})
	go func() {
		if err := boot.LoadModules(boot.ModulesDirectory); err != nil {
			journal.Logf(events.Error, "%v", err)
		}
	}()
	return serveChannel(ctx, settings.Channel, calls.ServeConn)
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
		fmt.Fprintln(os.Stderr, "banger-agent:", line.Message)
	}
}

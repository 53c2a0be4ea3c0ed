// Package guest is the agent's state: what it has been told to be, how far that has come, and how it ends.
package guest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
	"banger/guest/internal/boot"
	"banger/guest/internal/configure"
	"banger/guest/internal/ending"
	"banger/guest/internal/events"
	"banger/guest/internal/execs"
	"banger/guest/internal/readiness"
	"banger/guest/internal/shutdown"
)

// sshAddress is where the guest's SSH server is, the image's or the agent's.
const sshAddress = "127.0.0.1:22"

// Deps are the parts a Guest puts to work.
type Deps struct {
	Version  string
	Uptime   func() time.Duration
	First    *boot.First
	Journal  *events.Journal
	Execs    *execs.Registry
	Launcher *execs.Launcher
	// ModulesLoaded closes when the kernel modules of the initramfs are in.
	ModulesLoaded <-chan struct{}
	// ServeSSH serves SSH on address until it fails.
	ServeSSH func(address string) error
}

// Guest is safe for concurrent use.
type Guest struct {
	deps  Deps
	mutex sync.Mutex
	stage api.Stage
	init  api.Init
	fault string
	data  *os.File
}

func New(deps Deps) *Guest { return &Guest{deps: deps, stage: api.StageWaiting} }

// Health answers at any time.
func (g *Guest) Health() api.Health {
	bootID, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return api.Health{
		Version: g.deps.Version, Protocol: api.Protocol, BootID: strings.TrimSpace(string(bootID)),
		Stage: g.stage, Init: g.init, Readiness: g.deps.Journal.Levels(),
		UptimeMs: g.deps.Uptime().Milliseconds(), Error: g.fault,
	}
}

// Running returns nil once commands can run.
func (g *Guest) Running() error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.stage != api.StageRunning {
		return api.Errorf(api.NotConfigured, "the guest is %s", g.stage)
	}
	return nil
}

// Data is the root of the data disk; nil before the guest is configured.
func (g *Guest) Data() *os.File {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.data
}

// Configure makes the guest what body says and starts its init.
func (g *Guest) Configure(ctx context.Context, body api.Configure) error {
	if err := configure.Validate(body); err != nil {
		return err
	}
	if err := g.begin(); err != nil {
		return err
	}
	g.deps.Journal.Logf(events.Info, "configure begins at %s", g.deps.Uptime().Round(time.Millisecond))
	<-g.deps.ModulesLoaded
	if err := g.configure(body); err != nil {
		g.mutex.Lock()
		g.stage, g.fault = api.StageFailed, err.Error()
		g.mutex.Unlock()
		g.deps.Journal.Logf(events.Error, "configure: %v", err)
		return api.Errorf(api.Failed, "configure: %w", err)
	}
	return nil
}

func (g *Guest) begin() error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.stage != api.StageWaiting {
		return api.Errorf(api.AlreadyConfigured, "the guest is %s; it is configured once", g.stage)
	}
	g.stage = api.StageConfiguring
	return nil
}

func (g *Guest) configure(body api.Configure) error {
	prepared, err := configure.Prepare(body, configure.Deps{SwitchRoot: g.deps.First.SwitchRoot, Journal: g.deps.Journal})
	if err != nil {
		return err
	}
	g.deps.Launcher.Env = body.Env
	if err := g.startInit(prepared); err != nil {
		return err
	}
	g.mutex.Lock()
	g.stage, g.init, g.data = api.StageRunning, prepared.Init.Kind, prepared.Data
	g.mutex.Unlock()
	g.deps.Journal.Reach(api.LevelAgent)
	g.reachWithoutInit(prepared.Init.Kind)
	go readiness.WatchSSH(context.Background(), sshAddress, g.deps.Journal.Reach)
	return nil
}

func (g *Guest) startInit(prepared *configure.Prepared) error {
	ctx, environ := context.Background(), []string(nil)
	if prepared.Init.Kind == api.InitSystemd {
		watch, err := readiness.WatchSystemd(ctx, configure.ReadyDirectory, g.deps.Journal.Reach)
		if err != nil {
			return err
		}
		environ = append(environ, "NOTIFY_SOCKET="+watch.NotifySocket)
		if err := ending.WatchSystemd(ctx, g.ended); err != nil {
			g.deps.Journal.Logf(events.Warn, "%v", err)
		}
	}
	if !prepared.ImageSSH {
		go g.serveSSH()
	}
	if prepared.Init.Kind == api.InitNone {
		go g.obeySignals()
		return nil
	}
	if err := g.deps.First.ExecInit(prepared.Init.Path, environ...); err != nil {
		return fmt.Errorf("start %s: %w", prepared.Init.Path, err)
	}
	return nil
}

// reachWithoutInit reports at once the levels that only an init can be late for.
func (g *Guest) reachWithoutInit(kind api.Init) {
	switch kind {
	case api.InitSystemd:
	case api.InitOpenRC:
		g.deps.Journal.Reach(api.LevelBasic)
		go readiness.WatchOpenRC(context.Background(), g.deps.Journal.Reach)
	case api.InitOther, api.InitNone, api.InitUnknown:
		g.deps.Journal.Reach(api.LevelBasic)
		g.deps.Journal.Reach(api.LevelSystem)
	}
}

func (g *Guest) serveSSH() {
	if err := g.deps.ServeSSH(":22"); err != nil {
		g.deps.Journal.Logf(events.Error, "ssh: %v", err)
	}
}

// obeySignals ends a guest without init when a program in it asks process 1 to, as poweroff and reboot do.
func (g *Guest) obeySignals() {
	for mode := range g.deps.First.Asked {
		g.ended(mode)
		shutdown.Now(mode, signalGrace, g.Data())
	}
}

const (
	// endGrace is what commands get to end by themselves when the guest goes down on its own account.
	endGrace     = time.Second
	signalGrace  = 3 * time.Second
	minExecGrace = 200 * time.Millisecond
	// answerTime lets the answer of a shutdown call out before the machine is gone. systemd takes longer than that by itself.
	answerTime = 50 * time.Millisecond
)

// ended is called once it is certain that the guest goes down.
func (g *Guest) ended(mode api.Mode) {
	if g.deps.Journal.End(mode) {
		ending.MarkConsole(mode)
	}
	g.deps.Execs.EndAll(endGrace)
}

// Shutdown ends the guest in body's mode. It returns once everything is synced and before the machine is gone.
func (g *Guest) Shutdown(body api.Shutdown) error {
	if body.Mode != api.ModePoweroff && body.Mode != api.ModeReboot {
		return api.Errorf(api.BadRequest, "mode %q is neither poweroff nor reboot", body.Mode)
	}
	grace := time.Duration(body.GraceMs) * time.Millisecond
	if grace < 0 {
		return api.Errorf(api.BadRequest, "graceMs is negative")
	}
	g.deps.Execs.EndAll(max(grace/5, minExecGrace))
	unix.Sync()
	time.AfterFunc(g.answerTime(), func() { g.goDown(body.Mode, grace) })
	return nil
}

func (g *Guest) answerTime() time.Duration {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.stage == api.StageRunning && g.init == api.InitSystemd {
		return 0
	}
	return answerTime
}

func (g *Guest) goDown(mode api.Mode, grace time.Duration) {
	if g.deps.Journal.End(mode) {
		ending.MarkConsole(mode)
	}
	g.mutex.Lock()
	kind, stage := g.init, g.stage
	g.mutex.Unlock()
	if stage != api.StageRunning || kind == api.InitNone {
		shutdown.Now(mode, grace, g.Data())
	}
	if err := shutdown.AskInit(kind, mode); err != nil {
		g.deps.Journal.Logf(events.Error, "%s: %v", mode, err)
	}
}

// Package shutdown ends the guest: by asking its init, or by doing init's work.
package shutdown

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
)

// initDeadline is how long an init's own command may take to pass the request on.
const initDeadline = 5 * time.Second

// AskInit asks init to end the guest.
func AskInit(kind api.Init, mode api.Mode) error {
	if kind == api.InitSystemd {
		return askSystemd(mode)
	}
	return run(string(mode))
}

// glibc keeps the first two real-time signals for itself; systemd counts from the third (systemd(1), "Signals").
const sigRTMin = 34

// askSystemd sends the signal that queues the job systemctl would, and several hundred milliseconds sooner on a slow
// machine. No session or inhibitor of logind's stands in its way.
func askSystemd(mode api.Mode) error {
	signal := syscall.Signal(sigRTMin + 4)
	if mode == api.ModeReboot {
		signal = sigRTMin + 5
	}
	if err := awaitHandled(1, signal, initDeadline); err != nil {
		return errors.Join(err, run("systemctl", "--no-block", string(mode)))
	}
	return syscall.Kill(1, signal)
}

// awaitHandled waits until a process catches signal or has it blocked for a signalfd: process 1 ignores others.
func awaitHandled(pid int, signal syscall.Signal, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return err
		}
		if handles(string(status), signal) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d does not listen to signal %d", pid, signal)
		}
	}
}

func handles(status string, signal syscall.Signal) bool {
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		if name != "SigBlk" && name != "SigCgt" {
			continue
		}
		mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err == nil && mask>>(signal-1)&1 == 1 {
			return true
		}
	}
	return false
}

func run(program string, arguments ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), initDeadline)
	defer cancel()
	command := exec.CommandContext(ctx, program, arguments...)
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(output)))
	}
	return nil
}

// Now ends a guest that has no init: every process but the agent's own, then the file systems, then the machine.
// data is the root of the data disk; nil when there is none. It does not return.
func Now(mode api.Mode, grace time.Duration, data *os.File) {
	endProcesses(grace)
	unix.Sync()
	remountReadOnly("/")
	if data != nil {
		remountReadOnly(fmt.Sprintf("/proc/self/fd/%d", data.Fd()))
	}
	unix.Sync()
	_ = unix.Reboot(rebootCommand(mode))
	select {}
}

// endProcesses signals all processes but the first and this one.
func endProcesses(grace time.Duration) {
	const every = -1
	if !othersLive() || syscall.Kill(every, syscall.SIGTERM) != nil {
		return
	}
	_ = syscall.Kill(every, syscall.SIGCONT)
	for deadline := time.Now().Add(grace); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if !othersLive() {
			return
		}
	}
	_ = syscall.Kill(every, syscall.SIGKILL)
}

// othersLive says whether any process runs a program besides the first and this one. Kernel threads and zombies have
// none.
func othersLive() bool {
	programs, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, program := range programs {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(program)))
		if err != nil || pid == 1 || pid == os.Getpid() {
			continue
		}
		if _, err := os.Readlink(program); err == nil {
			return true
		}
	}
	return false
}

// remountReadOnly leaves a clean file system behind. It fails when something is still open for writing; the journal
// of the file system then covers it at the next boot.
func remountReadOnly(target string) {
	_ = unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
}

func rebootCommand(mode api.Mode) int {
	switch mode {
	case api.ModeReboot:
		return unix.LINUX_REBOOT_CMD_RESTART
	case api.ModeHalt:
		return unix.LINUX_REBOOT_CMD_HALT
	case api.ModePoweroff:
		return unix.LINUX_REBOOT_CMD_POWER_OFF
	}
	return unix.LINUX_REBOOT_CMD_POWER_OFF
}

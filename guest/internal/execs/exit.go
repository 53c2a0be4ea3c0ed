package execs

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// lostStatus stands for a status the kernel did not give: a shell's for a command it could not wait for.
const lostStatus = 255

// Exit is how a command ended: with a status, or by a signal when Signal is not empty.
type Exit struct {
	Status int
	// Signal is the name without SIG, Number its number.
	Signal string
	Number int
}

func exitOf(state *os.ProcessState, err error) Exit {
	if err != nil {
		return Exit{Status: lostStatus}
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return Exit{Signal: signalName(status.Signal()), Number: int(status.Signal())}
	}
	return Exit{Status: state.ExitCode()}
}

func (e Exit) message() any {
	if e.Signal != "" {
		return exitedSignal{Type: "exit", Signal: e.Signal, Number: e.Number}
	}
	return exitedStatus{Type: "exit", Status: e.Status}
}

// firstRealTime is SIGRTMIN as glibc's programs see it.
const firstRealTime = 34

func signalName(signal syscall.Signal) string {
	if name := unix.SignalName(signal); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return fmt.Sprintf("RTMIN%+d", int(signal)-firstRealTime)
}

// SignalNumber finds a signal by its name without SIG; 0 when there is none.
func SignalNumber(name string) syscall.Signal { return unix.SignalNum("SIG" + name) }

package execs

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Registry knows the commands that run.
type Registry struct {
	launcher *Launcher
	mutex    sync.Mutex
	running  map[*Process]chan struct{}
}

func NewRegistry(launcher *Launcher) *Registry {
	return &Registry{launcher: launcher, running: map[*Process]chan struct{}{}}
}

// EndAll hangs up on every command, kills what is left after grace, and returns when all are over.
func (r *Registry) EndAll(grace time.Duration) {
	r.mutex.Lock()
	var waiting []<-chan struct{}
	for process, exited := range r.running {
		process.HangUp(grace)
		waiting = append(waiting, exited)
	}
	r.mutex.Unlock()
	deadline := time.After(grace + time.Second)
	for _, exited := range waiting {
		select {
		case <-exited:
		case <-deadline:
			return
		}
	}
}

// track reaps process when it ends; the channel closes then.
func (r *Registry) track(process *Process) <-chan struct{} {
	exited := make(chan struct{})
	r.mutex.Lock()
	r.running[process] = exited
	r.mutex.Unlock()
	go func() {
		state, err := process.proc.Wait()
		r.mutex.Lock()
		process.state, process.waitError = state, err
		delete(r.running, process)
		r.mutex.Unlock()
		close(exited)
	}()
	return exited
}

func (p *Process) exitMessage() any { return statusMessage(p.state, p.waitError) }

func statusMessage(state *os.ProcessState, err error) any {
	if err != nil {
		return failed{Type: "failed", Code: Failed, Message: "the status was lost: " + err.Error()}
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		name := strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG")
		return exitedSignal{Type: "exit", Signal: name, Number: int(status.Signal())}
	}
	return exitedStatus{Type: "exit", Status: state.ExitCode()}
}

package execs

import (
	"sync"
	"time"
)

// Registry knows the commands that run.
type Registry struct {
	launcher *Launcher
	mutex    sync.Mutex
	running  map[*Process]struct{}
}

func NewRegistry(launcher *Launcher) *Registry {
	return &Registry{launcher: launcher, running: map[*Process]struct{}{}}
}

// EndAll hangs up on every command, kills what is left after grace, and returns when all are over.
func (r *Registry) EndAll(grace time.Duration) {
	r.mutex.Lock()
	var waiting []<-chan struct{}
	for process := range r.running {
		process.HangUp(grace)
		waiting = append(waiting, process.exited)
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

// Start launches a command and waits for it in the background. The error is a *Failure.
func (r *Registry) Start(spec Start) (*Process, error) {
	process, err := r.launcher.Launch(spec)
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	r.running[process] = struct{}{}
	r.mutex.Unlock()
	go func() {
		process.reap()
		r.mutex.Lock()
		delete(r.running, process)
		r.mutex.Unlock()
	}()
	return process, nil
}

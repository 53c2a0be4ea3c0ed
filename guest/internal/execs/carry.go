package execs

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/frames"
)

// Sink takes the output of a command; a frames.Writer is one. It is called from several goroutines.
type Sink interface {
	Write(kind frames.Type, payload []byte) error
}

// Carry passes the command's output on to sink until the command and its output have ended, and returns how. When ctx
// ends first it hangs up on the command and reports false.
func (p *Process) Carry(ctx context.Context, sink Sink) (Exit, bool) {
	defer p.closeStreams()
	drained := p.pumpOutputs(sink)
	select {
	case <-ctx.Done():
		p.HangUp(killGrace)
		return Exit{}, false
	case <-p.exited:
	}
	p.finishOutputs(drained)
	select {
	case <-ctx.Done():
		p.HangUp(killGrace)
		return Exit{}, false
	case <-drained:
		return p.exit, true
	}
}

// pumpOutputs copies every output to sink; the channel closes when all have ended.
func (p *Process) pumpOutputs(sink Sink) <-chan struct{} {
	drained := make(chan struct{})
	ended := make(chan struct{}, len(p.outputs))
	for _, stream := range p.outputs {
		go func() {
			pump(stream, sink)
			ended <- struct{}{}
		}()
	}
	go func() {
		for range p.outputs {
			<-ended
		}
		close(drained)
	}()
	return drained
}

func pump(stream output, sink Sink) {
	buffer := make([]byte, frames.MaxPayload)
	for {
		n, err := stream.file.Read(buffer)
		if n > 0 && sink.Write(stream.kind, buffer[:n]) != nil {
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			drain(stream, sink, buffer)
			return
		}
		if err != nil {
			return
		}
	}
}

// drain sends what is in the pipe at this moment: the host may have been too slow to take it before the grace ended.
func drain(stream output, sink Sink, buffer []byte) {
	_ = stream.file.SetReadDeadline(time.Time{})
	raw, err := stream.file.SyscallConn()
	if err != nil {
		return
	}
	for left := 2 * frames.MaxPayload; left > 0; {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n, _ = unix.Read(int(fd), buffer)
			return true
		})
		if err != nil || n <= 0 || sink.Write(stream.kind, buffer[:n]) != nil {
			return
		}
		left -= n
	}
}

func (p *Process) finishOutputs(drained <-chan struct{}) {
	select {
	case <-drained:
	case <-time.After(outputGrace):
		for _, stream := range p.outputs {
			_ = stream.file.SetReadDeadline(time.Unix(1, 0))
		}
	}
}

func (p *Process) closeStreams() {
	for _, stream := range p.outputs {
		_ = stream.file.Close()
	}
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
}

// Signal sends to the command's process group.
func (p *Process) Signal(signal syscall.Signal) error { return syscall.Kill(-p.Pid, signal) }

// HangUp sends SIGHUP to the command's process group and SIGKILL to what is left of it after grace. It returns at once.
func (p *Process) HangUp(grace time.Duration) {
	_ = p.Signal(syscall.SIGHUP)
	_ = p.Signal(syscall.SIGCONT)
	time.AfterFunc(grace, func() { _ = p.Signal(syscall.SIGKILL) })
}

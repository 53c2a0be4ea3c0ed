package execs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/frames"
)

const (
	// outputGrace bounds the wait for output that descendants still hold open after the command itself is over.
	outputGrace = 250 * time.Millisecond
	// killGrace is the time between SIGHUP and SIGKILL after a hang-up.
	killGrace = 5 * time.Second
	// stdinQueue is how many input frames wait for a command that does not read, so that a signal gets past them.
	stdinQueue = 32
	endOfText  = "\x04"
)

// Serve runs one exec stream: the start message, the command, its status. It returns when the stream is finished; ctx
// ends when the host hangs up.
func (r *Registry) Serve(ctx context.Context, input *frames.Reader, out *frames.Writer) {
	process, err := r.start(input)
	if err != nil {
		failure := &Failure{Failed, err.Error()}
		_ = errors.As(err, &failure)
		_ = out.WriteControl(failed{Type: "failed", Code: failure.Code, Message: failure.Message})
		return
	}
	exited := r.track(process)
	defer process.closeStreams()
	if err := out.WriteControl(started{Type: "started", Pid: process.Pid}); err != nil {
		process.HangUp(killGrace)
		return
	}
	go process.readInput(input)
	drained := process.pumpOutputs(out)
	select {
	case <-ctx.Done():
		process.HangUp(killGrace)
		return
	case <-exited:
	}
	process.finishOutputs(drained)
	select {
	case <-ctx.Done():
	case <-drained:
		_ = out.WriteControl(process.exitMessage())
	}
}

func (r *Registry) start(input *frames.Reader) (*Process, error) {
	first, err := input.Next()
	if err != nil {
		return nil, err
	}
	var spec Start
	if first.Type != frames.Control || json.Unmarshal(first.Payload, &spec) != nil || spec.Type != "start" {
		return nil, &Failure{Failed, "the first frame is no start message"}
	}
	return r.launcher.Launch(spec)
}

// readInput handles the host's frames until its side ends. The end of the stream is the end of the input, too.
func (p *Process) readInput(input *frames.Reader) {
	queue := make(chan []byte, stdinQueue)
	go p.writeStdin(queue)
	defer func() {
		if queue != nil {
			close(queue)
		}
	}()
	for {
		frame, err := input.Next()
		if err != nil {
			return
		}
		switch {
		case frame.Type == frames.Stdin && queue != nil:
			queue <- append([]byte(nil), frame.Payload...)
		case frame.Type == frames.Control:
			var message request
			if json.Unmarshal(frame.Payload, &message) != nil {
				return
			}
			if message.Type == "eof" && queue != nil {
				close(queue)
				queue = nil
			}
			p.control(message)
		}
	}
}

func (p *Process) control(message request) {
	switch message.Type {
	case "resize":
		if p.tty != nil {
			_ = ResizePTY(p.tty, message.Cols, message.Rows)
		}
	case "signal":
		if signal := unix.SignalNum("SIG" + message.Signal); signal != 0 {
			_ = p.Signal(signal)
		}
	}
}

// writeStdin feeds the command. Once it does not read any more the rest is dropped, as a closed pipe would.
func (p *Process) writeStdin(queue <-chan []byte) {
	broken := p.stdin == nil
	for chunk := range queue {
		if broken {
			continue
		}
		_, err := p.stdin.Write(chunk)
		broken = err != nil
	}
	switch {
	case p.stdin == nil:
	case p.tty != nil:
		_, _ = io.WriteString(p.tty, endOfText)
	default:
		_ = p.stdin.Close()
	}
}

// pumpOutputs copies every output to out; the channel closes when all have ended.
func (p *Process) pumpOutputs(out *frames.Writer) <-chan struct{} {
	drained := make(chan struct{})
	ended := make(chan struct{}, len(p.outputs))
	for _, stream := range p.outputs {
		go func() {
			pump(stream, out)
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

func pump(stream output, out *frames.Writer) {
	buffer := make([]byte, frames.MaxPayload)
	for {
		n, err := stream.file.Read(buffer)
		if n > 0 && out.Write(stream.kind, buffer[:n]) != nil {
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			drain(stream, out, buffer)
			return
		}
		if err != nil {
			return
		}
	}
}

// drain sends what is in the pipe at this moment: the host may have been too slow to take it before the grace ended.
func drain(stream output, out *frames.Writer, buffer []byte) {
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
		if err != nil || n <= 0 || out.Write(stream.kind, buffer[:n]) != nil {
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

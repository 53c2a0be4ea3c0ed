package execs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

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
	process, err := r.startAsked(input)
	if err != nil {
		failure := &Failure{Failed, err.Error()}
		_ = errors.As(err, &failure)
		_ = out.WriteControl(failed{Type: "failed", Code: failure.Code, Message: failure.Message})
		return
	}
	if err := out.WriteControl(started{Type: "started", Pid: process.Pid}); err != nil {
		process.HangUp(killGrace)
		process.closeStreams()
		return
	}
	go process.readInput(input)
	if exit, ok := process.Carry(ctx, out); ok {
		_ = out.WriteControl(exit.message())
	}
}

func (r *Registry) startAsked(input *frames.Reader) (*Process, error) {
	first, err := input.Next()
	if err != nil {
		return nil, err
	}
	var spec Start
	if first.Type != frames.Control || json.Unmarshal(first.Payload, &spec) != nil || spec.Type != "start" {
		return nil, &Failure{Failed, "the first frame is no start message"}
	}
	return r.Start(spec)
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
		if signal := SignalNumber(message.Signal); signal != 0 {
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

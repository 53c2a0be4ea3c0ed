package testhost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"banger/guest/internal/execs"
	"banger/guest/internal/frames"
)

// Exec is a running exec stream.
type Exec struct {
	Input   *frames.Writer
	Frames  *frames.Reader
	Control []map[string]any
	Stdout  bytes.Buffer
	Stderr  bytes.Buffer
	body    io.WriteCloser
	answer  io.Closer
}

// Exec starts a command.
func (c *Client) Exec(ctx context.Context, start execs.Start) (*Exec, error) {
	start.Type = "start"
	if start.User == "" {
		start.User = "root"
	}
	reader, writer := io.Pipe()
	input := frames.NewWriter(writer, nil)
	written := make(chan error, 1)
	go func() { written <- input.WriteControl(start) }()
	response, err := c.Stream(ctx, http.MethodPost, "/v1/exec", reader)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("exec: %s", response.Status)
	}
	// The agent answers before it has read: input of the caller's must not come first.
	if err := <-written; err != nil {
		return nil, err
	}
	return &Exec{Input: input, Frames: frames.NewReader(response.Body), body: writer, answer: response.Body}, nil
}

// Next takes one frame in and returns it; output is also collected in Stdout, Stderr and Control.
func (e *Exec) Next() (frames.Frame, error) {
	frame, err := e.Frames.Next()
	if err != nil {
		return frame, err
	}
	switch frame.Type {
	case frames.Stdout:
		e.Stdout.Write(frame.Payload)
	case frames.Stderr:
		e.Stderr.Write(frame.Payload)
	case frames.Control:
		var message map[string]any
		if err := json.Unmarshal(frame.Payload, &message); err != nil {
			return frame, err
		}
		e.Control = append(e.Control, message)
	case frames.Stdin:
	}
	return frame, nil
}

// Wait takes frames in until the stream ends and returns the last control message.
func (e *Exec) Wait() (map[string]any, error) {
	defer e.answer.Close()
	defer e.body.Close()
	for {
		if _, err := e.Next(); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
	}
	if len(e.Control) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return e.Control[len(e.Control)-1], nil
}

// HangUp resets the stream.
func (e *Exec) HangUp() { _ = e.answer.Close() }

// CloseInput ends the request's body.
func (e *Exec) CloseInput() { _ = e.body.Close() }

package sshd

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"banger/guest/internal/account"
	"banger/guest/internal/execs"
	"banger/guest/internal/frames"
)

// The payloads of session requests (RFC 4254, sections 6.2 to 6.10).
type (
	ptyRequest struct {
		Term                      string
		Cols, Rows, Width, Height uint32
		Modes                     string
	}
	windowChange struct{ Cols, Rows, Width, Height uint32 }
	envRequest   struct{ Name, Value string }
	textRequest  struct{ Text string }
	exitStatus   struct{ Status uint32 }
	exitSignal   struct {
		Signal   string
		Core     bool
		Message  string
		Language string
	}
)

// session is one session channel: settings first, then one command, shell or subsystem.
type session struct {
	server  *Server
	channel ssh.Channel
	env     map[string]string
	tty     *execs.TTY
	mutex   sync.Mutex
	process *execs.Process
}

func (s *Server) serveSession(ctx context.Context, offered ssh.NewChannel) {
	channel, requests, err := offered.Accept()
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	current := &session{server: s, channel: channel, env: map[string]string{}}
	begun := false
	for request := range requests {
		run := current.program(request)
		var ok bool
		switch {
		case run != nil:
			ok = !begun
		case begun:
			ok = current.change(request)
		default:
			ok = current.setting(request)
		}
		if request.WantReply {
			_ = request.Reply(ok, nil)
		}
		if ok && run != nil {
			begun = true
			go run(ctx)
		}
	}
	if !begun {
		_ = channel.Close()
	}
}

// program returns what a request wants run, or nil when it wants something else.
func (c *session) program(request *ssh.Request) func(context.Context) {
	var payload textRequest
	switch request.Type {
	case "shell":
		return func(ctx context.Context) { c.run(ctx, "") }
	case "exec":
		if ssh.Unmarshal(request.Payload, &payload) == nil {
			return func(ctx context.Context) { c.run(ctx, payload.Text) }
		}
	case "subsystem":
		if ssh.Unmarshal(request.Payload, &payload) == nil && payload.Text == "sftp" {
			return func(context.Context) { c.serveFiles() }
		}
	}
	return nil
}

// setting takes in what shapes the program before it is begun.
func (c *session) setting(request *ssh.Request) bool {
	switch request.Type {
	case "env":
		var payload envRequest
		if ssh.Unmarshal(request.Payload, &payload) != nil || !acceptsEnv(payload.Name) {
			return false
		}
		c.env[payload.Name] = payload.Value
		return true
	case "pty-req":
		var payload ptyRequest
		if ssh.Unmarshal(request.Payload, &payload) != nil {
			return false
		}
		c.tty = &execs.TTY{Cols: uint16(payload.Cols), Rows: uint16(payload.Rows), Term: payload.Term}
		return true
	}
	return false
}

// change passes on what happens to the program once it runs.
func (c *session) change(request *ssh.Request) bool {
	switch request.Type {
	case "window-change":
		var payload windowChange
		process := c.running()
		if ssh.Unmarshal(request.Payload, &payload) != nil || process == nil || process.TTY() == nil {
			return false
		}
		return execs.ResizePTY(process.TTY(), uint16(payload.Cols), uint16(payload.Rows)) == nil
	case "signal":
		var payload textRequest
		process := c.running()
		if ssh.Unmarshal(request.Payload, &payload) != nil || process == nil {
			return false
		}
		number := execs.SignalNumber(payload.Text)
		return number != 0 && process.Signal(number) == nil
	}
	return false
}

// acceptsEnv holds the rule of AcceptEnv.
func acceptsEnv(name string) bool {
	return name == "LANG" || name == "TERM" || name == "COLORTERM" || strings.HasPrefix(name, "LC_")
}

func (c *session) running() *execs.Process {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.process
}

// run runs a command line with the user's shell, or a login shell when line is empty, and reports its end.
func (c *session) run(ctx context.Context, line string) {
	defer c.channel.Close()
	process, err := c.start(line)
	if err != nil {
		_, _ = io.WriteString(c.channel.Stderr(), err.Error()+"\r\n")
		c.report(execs.Exit{Status: 126})
		return
	}
	c.mutex.Lock()
	c.process = process
	c.mutex.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go feed(process, c.channel)
	if exit, ok := process.Carry(ctx, &channelSink{channel: c.channel}); ok {
		c.report(exit)
	}
}

func (c *session) start(line string) (*execs.Process, error) {
	user, err := account.Lookup("/", loginUser)
	if err != nil {
		return nil, err
	}
	argv := []string{user.Shell, "-l"}
	if line != "" {
		argv = []string{user.Shell, "-c", line}
	}
	return c.server.deps.Execs.Start(execs.Start{Argv: argv, Env: c.env, User: loginUser, TTY: c.tty, Stdin: true})
}

// feed copies the client's input; the end of it ends a pipe and leaves a terminal open, as sshd does.
func feed(process *execs.Process, channel ssh.Channel) {
	_, _ = io.Copy(process.Stdin(), channel)
	if process.TTY() == nil {
		_ = process.Stdin().Close()
	}
}

func (c *session) report(exit execs.Exit) {
	if exit.Signal != "" {
		_, _ = c.channel.SendRequest("exit-signal", false, ssh.Marshal(exitSignal{Signal: exit.Signal}))
		return
	}
	_ = c.channel.CloseWrite()
	_, _ = c.channel.SendRequest("exit-status", false, ssh.Marshal(exitStatus{uint32(exit.Status)}))
}

func (c *session) serveFiles() {
	defer c.channel.Close()
	home := "/"
	if user, err := account.Lookup("/", loginUser); err == nil {
		home = path.Clean(user.Home)
	}
	server, err := sftp.NewServer(c.channel, sftp.WithServerWorkingDirectory(home))
	if err != nil {
		return
	}
	defer server.Close()
	status := 0
	if err := server.Serve(); err != nil && !errors.Is(err, io.EOF) {
		status = 1
	}
	c.report(execs.Exit{Status: status})
}

// channelSink sends a command's output to its channel.
type channelSink struct{ channel ssh.Channel }

func (s *channelSink) Write(kind frames.Type, payload []byte) error {
	var target io.Writer = s.channel
	if kind == frames.Stderr {
		target = s.channel.Stderr()
	}
	_, err := target.Write(payload)
	return err
}

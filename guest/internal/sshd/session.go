package sshd

import (
	"context"
	"errors"
	"io"
	"path"
	"strings"

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

// notStarted is a shell's status for a command that could not be run.
const notStarted = 126

// session is one session channel: settings first, then one command, shell or subsystem.
type session struct {
	server  *Server
	channel ssh.Channel
	env     map[string]string
	tty     *execs.TTY
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
		var ok bool
		switch {
		case begins(request):
			ok = !begun && current.begin(ctx, request)
			begun = begun || ok
		case begun:
			ok = current.change(request)
		default:
			ok = current.setting(request)
		}
		if request.WantReply {
			_ = request.Reply(ok, nil)
		}
	}
	if !begun {
		_ = channel.Close()
	}
}

// begins says whether a request is one that begins the session's program.
func begins(request *ssh.Request) bool {
	return request.Type == "shell" || request.Type == "exec" || request.Type == "subsystem"
}

// begin begins the program a request asks for and leaves the rest to a goroutine.
func (c *session) begin(ctx context.Context, request *ssh.Request) bool {
	var payload textRequest
	if request.Type != "shell" && ssh.Unmarshal(request.Payload, &payload) != nil {
		return false
	}
	if request.Type == "subsystem" {
		if payload.Text != "sftp" {
			return false
		}
		go c.serveFiles()
		return true
	}
	process, err := c.start(payload.Text)
	if err != nil {
		go c.reportFailure(err)
		return true
	}
	c.process = process
	go c.carry(ctx)
	return true
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
		if ssh.Unmarshal(request.Payload, &payload) != nil || c.process == nil || c.process.TTY() == nil {
			return false
		}
		return execs.ResizePTY(c.process.TTY(), uint16(payload.Cols), uint16(payload.Rows)) == nil
	case "signal":
		var payload textRequest
		if ssh.Unmarshal(request.Payload, &payload) != nil || c.process == nil {
			return false
		}
		number := execs.SignalNumber(payload.Text)
		return number != 0 && c.process.Signal(number) == nil
	}
	return false
}

// acceptsEnv holds the rule of AcceptEnv.
func acceptsEnv(name string) bool {
	return name == "LANG" || name == "TERM" || name == "COLORTERM" || strings.HasPrefix(name, "LC_")
}

// carry passes the program's input and output on and reports its end.
func (c *session) carry(ctx context.Context) {
	defer c.channel.Close()
	go feed(c.process, c.channel)
	if exit, ok := c.process.Carry(ctx, &channelSink{channel: c.channel}); ok {
		c.report(exit)
	}
}

func (c *session) reportFailure(err error) {
	defer c.channel.Close()
	_, _ = io.WriteString(c.channel.Stderr(), err.Error()+"\r\n")
	c.report(execs.Exit{Status: notStarted})
}

// start runs a command line with the user's shell, or a login shell when line is empty.
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

package execs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"banger/guest/internal/account"
)

// Launcher starts commands. Its fields are set once, before the first command.
type Launcher struct {
	// Env is the image's environment, "NAME=value".
	Env []string
	// Cgroup is where commands are started; nil leaves them in the agent's.
	Cgroup *Cgroup
	// ResetOOMScore undoes for commands what the agent set for itself: its own immunity must not be inherited.
	ResetOOMScore bool
}

// Process is a started command, the leader of its own session and process group.
type Process struct {
	Pid  int
	proc *os.Process
	// stdin is nil when the command reads no input from the host; with a terminal it is the terminal.
	stdin   *os.File
	outputs []output
	tty     *os.File
	// exit is set before exited closes.
	exit   Exit
	exited chan struct{}
}

// Stdin is where the command reads from: a pipe, the terminal's master, or nil.
func (p *Process) Stdin() *os.File { return p.stdin }

// TTY is the master of the command's terminal; nil without one.
func (p *Process) TTY() *os.File { return p.tty }

func (p *Process) reap() {
	p.exit = exitOf(p.proc.Wait())
	close(p.exited)
}

// Launch starts what spec asks for. The error is a *Failure.
func (l *Launcher) Launch(spec Start) (*Process, error) {
	plan, err := l.plan(spec)
	if err != nil {
		return nil, err
	}
	stdio, err := openStdio(spec, plan.user)
	if err != nil {
		return nil, &Failure{Failed, err.Error()}
	}
	defer closeAll(stdio.child)
	proc, err := l.fork(plan, stdio)
	if err != nil {
		stdio.closeParent()
		return nil, failureOf(plan.file, err)
	}
	if l.ResetOOMScore {
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", proc.Pid), []byte("0"), 0)
	}
	return &Process{Pid: proc.Pid, proc: proc, stdin: stdio.stdin, outputs: stdio.outputs, tty: stdio.tty, exited: make(chan struct{})}, nil
}

// plan is everything decided before the fork.
type plan struct {
	user account.User
	file string
	argv []string
	env  []string
	cwd  string
}

func (l *Launcher) plan(spec Start) (plan, error) {
	if len(spec.Argv) == 0 || spec.Argv[0] == "" {
		return plan{}, &Failure{Failed, "argv is empty"}
	}
	user, err := account.Lookup("/", spec.User)
	if err != nil {
		return plan{}, &Failure{NoUser, err.Error()}
	}
	environ := account.LoginEnviron(user)
	environ.SetAll(l.Env)
	if spec.TTY != nil {
		environ.Set("TERM", spec.TTY.Term)
	}
	for name, value := range spec.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return plan{}, &Failure{Failed, fmt.Sprintf("%q is no name or value of an environment variable", name)}
		}
		environ.Set(name, value)
	}
	cwd, err := workingDirectory(spec.Cwd, user)
	if err != nil {
		return plan{}, err
	}
	argv := spec.Argv
	if spec.Login {
		argv = account.LoginCommand(user, argv)
	}
	file, err := findExecutable(argv[0], cwd, environ.Get("PATH"))
	if err != nil {
		return plan{}, err
	}
	return plan{user: user, file: file, argv: argv, env: environ.List(), cwd: cwd}, nil
}

func workingDirectory(cwd string, user account.User) (string, error) {
	wanted := cwd
	if wanted == "" {
		wanted = user.Home
	}
	info, err := os.Stat(wanted)
	if err == nil && info.IsDir() {
		return wanted, nil
	}
	// A login with a missing home directory starts in the root, as login(1) and sshd do.
	if cwd == "" {
		return "/", nil
	}
	return "", &Failure{NoCwd, fmt.Sprintf("no directory %s", cwd)}
}

// findExecutable resolves name as execvp does, with relative names taken from cwd.
func findExecutable(name, cwd, searchPath string) (string, error) {
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = nil
		for directory := range strings.SplitSeq(searchPath, ":") {
			candidates = append(candidates, filepath.Join(directory, name))
		}
	}
	failure := &Failure{NotFound, fmt.Sprintf("%s: command not found", name)}
	for _, candidate := range candidates {
		if !filepath.IsAbs(candidate) {
			candidate = filepath.Join(cwd, candidate)
		}
		info, err := os.Stat(candidate)
		if err != nil {
			continue
		}
		if info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return candidate, nil
		}
		failure = &Failure{NotExecutable, fmt.Sprintf("%s: not executable", candidate)}
	}
	return "", failure
}

func (l *Launcher) fork(plan plan, stdio *stdio) (*os.Process, error) {
	attributes := &syscall.SysProcAttr{Setsid: true, Setctty: stdio.tty != nil, Ctty: 0, Credential: credential(plan.user)}
	if directory := l.Cgroup.open(); directory != nil {
		defer directory.Close()
		attributes.UseCgroupFD, attributes.CgroupFD = true, int(directory.Fd())
	}
	return os.StartProcess(plan.file, plan.argv, &os.ProcAttr{Dir: plan.cwd, Env: plan.env, Files: stdio.child, Sys: attributes})
}

// credential is nil when the agent already runs as that user: only root may set groups.
func credential(user account.User) *syscall.Credential {
	if os.Geteuid() != 0 && int(user.UID) == os.Geteuid() {
		return nil
	}
	return &syscall.Credential{Uid: user.UID, Gid: user.GID, Groups: user.Groups}
}

func failureOf(file string, err error) *Failure {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// The file was found before: it is its interpreter that is missing.
		return &Failure{NotFound, fmt.Sprintf("%s: its interpreter is missing", file)}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC):
		return &Failure{NotExecutable, fmt.Sprintf("%s: not executable", file)}
	}
	return &Failure{Failed, fmt.Sprintf("start %s: %v", strconv.Quote(file), err)}
}

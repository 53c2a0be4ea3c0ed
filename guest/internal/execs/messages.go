// Package execs runs commands in the guest and carries their input, output and status as frames.
package execs

// Start is the first control message of the host: what to run.
type Start struct {
	Type  string            `json:"type"`
	Argv  []string          `json:"argv"`
	Env   map[string]string `json:"env"`
	Cwd   string            `json:"cwd"`
	User  string            `json:"user"`
	Login bool              `json:"login"`
	TTY   *TTY              `json:"tty"`
	Stdin bool              `json:"stdin"`
}

// TTY asks for a terminal of that size in characters and of that kind (terminfo name).
type TTY struct {
	Cols uint16 `json:"cols"`
	Rows uint16 `json:"rows"`
	Term string `json:"term"`
}

// request is a later control message of the host.
type request struct {
	Type   string `json:"type"`
	Cols   uint16 `json:"cols"`
	Rows   uint16 `json:"rows"`
	Signal string `json:"signal"`
}

type started struct {
	Type string `json:"type"`
	Pid  int    `json:"pid"`
}

type failed struct {
	Type    string      `json:"type"`
	Code    FailureCode `json:"code"`
	Message string      `json:"message"`
}

type exitedStatus struct {
	Type   string `json:"type"`
	Status int    `json:"status"`
}

type exitedSignal struct {
	Type   string `json:"type"`
	Signal string `json:"signal"`
	Number int    `json:"number"`
}

// FailureCode says why a command did not start.
type FailureCode string

const (
	NotFound      FailureCode = "not_found"
	NotExecutable FailureCode = "not_executable"
	NoCwd         FailureCode = "no_cwd"
	NoUser        FailureCode = "no_user"
	Failed        FailureCode = "failed"
)

// Failure is the error of a command that did not start.
type Failure struct {
	Code    FailureCode
	Message string
}

func (f *Failure) Error() string { return f.Message }

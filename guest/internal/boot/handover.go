package boot

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
)

// First is the service process's view of the first process.
type First struct {
	link    *os.File
	replies chan string
	// Asked delivers the modes in which somebody asked the first process to end the guest.
	Asked chan api.Mode
	gone  chan struct{}
}

// ConnectFirst takes up the inherited link to the first process.
func ConnectFirst() *First {
	unix.CloseOnExec(linkFd)
	return newFirst(os.NewFile(linkFd, "link"))
}

func newFirst(link *os.File) *First {
	first := &First{link: link, replies: make(chan string, 1), Asked: make(chan api.Mode, 8), gone: make(chan struct{})}
	go first.listen()
	return first
}

// SwitchRoot moves the kernel's file systems below NewRoot and makes it the root of both processes.
func (f *First) SwitchRoot() error {
	root, err := os.Open(NewRoot)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := moveMounts(NewRoot); err != nil {
		return err
	}
	if err := f.ask("switch"); err != nil {
		return err
	}
	if err := root.Chdir(); err != nil {
		return err
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	// A working directory outside /run would keep file systems busy at shutdown.
	return unix.Chdir("/run")
}

// ExecInit makes the first process run init with environ added to its environment. It returns when that has happened.
func (f *First) ExecInit(init string, environ ...string) error {
	return f.ask("exec " + strings.Join(append([]string{init}, environ...), "\x00"))
}

// ask returns when the first process has done as asked; for exec that is when the link closes.
func (f *First) ask(request string) error {
	if err := send(f.link, request); err != nil {
		return err
	}
	select {
	case reply := <-f.replies:
		if problem, failed := strings.CutPrefix(reply, "error "); failed {
			return errors.New(problem)
		}
		return nil
	case <-f.gone:
		if strings.HasPrefix(request, "exec ") {
			return nil
		}
		return fmt.Errorf("the first process went away during %q", request)
	}
}

func (f *First) listen() {
	defer close(f.gone)
	for {
		packet, err := receive(f.link)
		if err != nil {
			return
		}
		if mode, ok := strings.CutPrefix(packet, "signal "); ok {
			select {
			case f.Asked <- api.Mode(mode):
			default:
			}
			continue
		}
		f.replies <- packet
	}
}

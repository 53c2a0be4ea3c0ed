package execs

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"banger/guest/internal/account"
	"banger/guest/internal/frames"
)

// output is one stream of a command: what arrives on file goes out in frames of kind.
type output struct {
	kind frames.Type
	file *os.File
}

// stdio is both ends of a command's standard streams.
type stdio struct {
	child   []*os.File
	stdin   *os.File
	outputs []output
	tty     *os.File
}

func (s *stdio) closeParent() {
	for _, stream := range s.outputs {
		_ = stream.file.Close()
	}
	if s.stdin != nil {
		_ = s.stdin.Close()
	}
}

func closeAll(files []*os.File) {
	for _, file := range files {
		_ = file.Close()
	}
}

func openStdio(spec Start, user account.User) (*stdio, error) {
	if spec.TTY != nil {
		return openTerminal(spec, user)
	}
	return openPipes(spec.Stdin)
}

func openTerminal(spec Start, user account.User) (*stdio, error) {
	master, slave, err := OpenPTY()
	if err != nil {
		return nil, err
	}
	_ = ResizePTY(master, spec.TTY.Cols, spec.TTY.Rows)
	if os.Geteuid() == 0 {
		_ = slave.Chown(int(user.UID), -1)
	}
	result := &stdio{child: []*os.File{slave, slave, slave}, outputs: []output{{frames.Stdout, master}}, tty: master}
	if spec.Stdin {
		result.stdin = master
	}
	return result, nil
}

func openPipes(withStdin bool) (result *stdio, err error) {
	result = &stdio{}
	defer func() {
		if err != nil {
			closeAll(result.child)
			result.closeParent()
		}
	}()
	if err := result.openInput(withStdin); err != nil {
		return result, err
	}
	for _, kind := range []frames.Type{frames.Stdout, frames.Stderr} {
		read, write, err := os.Pipe()
		if err != nil {
			return result, err
		}
		result.child = append(result.child, write)
		result.outputs = append(result.outputs, output{kind, read})
	}
	return result, nil
}

func (s *stdio) openInput(fromHost bool) error {
	if !fromHost {
		null, err := os.Open(os.DevNull)
		s.child = append(s.child, null)
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	s.child, s.stdin = append(s.child, read), write
	return nil
}

// OpenPTY opens a new terminal. Its master can be closed while somebody reads from it, which a master made through
// os.File.Fd cannot: that puts it into blocking mode.
func OpenPTY() (master, slave *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		_ = master.Close()
		return nil, nil, fmt.Errorf("unlock a terminal: %w", err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		_ = master.Close()
		return nil, nil, fmt.Errorf("open a terminal: %w", err)
	}
	return master, slave, nil
}

// ResizePTY sets the size of a terminal in characters.
func ResizePTY(master *os.File, cols, rows uint16) error {
	raw, err := master.SyscallConn()
	if err != nil {
		return err
	}
	var ioctlErr error
	err = raw.Control(func(fd uintptr) {
		ioctlErr = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: cols, Row: rows})
	})
	if err != nil {
		return err
	}
	return ioctlErr
}

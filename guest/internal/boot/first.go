package boot

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
)

// ServiceName is the service process's argv[0]. systemd neither kills at shutdown nor waits for a process whose name
// starts with "@" (https://systemd.io/ROOT_STORAGE_DAEMONS/).
const ServiceName = "@banger-agent"

// NewRoot is where the image's root is put together.
const NewRoot = "/newroot"

// glibc keeps the first two real-time signals for itself; systemd counts from the third.
const sigRTMin = syscall.Signal(34)

// endingSignals is how poweroff, reboot and halt of busybox, sysvinit and systemd ask the first process.
var endingSignals = map[syscall.Signal]api.Mode{
	syscall.SIGUSR1: api.ModeHalt,
	syscall.SIGUSR2: api.ModePoweroff,
	syscall.SIGTERM: api.ModeReboot,
	syscall.SIGINT:  api.ModeReboot,
	syscall.SIGPWR:  api.ModePoweroff,
	sigRTMin + 3:    api.ModeHalt,
	sigRTMin + 4:    api.ModePoweroff,
	sigRTMin + 5:    api.ModeReboot,
}

// RunFirst is the life of the first process: it starts the service process, does for it what only process 1 can do,
// and becomes the image's init. Where there is none it stays and reaps orphans; the service process waits for its own
// children itself, so no status gets lost. It returns only when the guest cannot go on.
func RunFirst() error {
	if err := MountKernelFileSystems(); err != nil {
		return err
	}
	limitOpenFiles()
	first, service, err := socketPair()
	if err != nil {
		return err
	}
	process, err := os.StartProcess("/proc/self/exe", []string{ServiceName}, &os.ProcAttr{
		Env:   os.Environ(),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, service},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return fmt.Errorf("start the service process: %w", err)
	}
	_ = service.Close()
	failure := make(chan error, 2)
	go forwardSignals(first)
	go func() { failure <- reap(process.Pid) }()
	go func() { failure <- obey(first) }()
	return <-failure
}

// reap waits for every child; it returns when the service process is the one.
func reap(service int) error {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("wait: %w", err)
		case pid == service && status.Signaled():
			return fmt.Errorf("the service process died of %s", unix.SignalName(status.Signal()))
		case pid == service:
			return fmt.Errorf("the service process ended with status %d", status.ExitStatus())
		}
	}
}

func obey(link *os.File) error {
	for {
		request, err := receive(link)
		if err != nil {
			if isClosed(err) {
				// The service process is gone; reap knows how.
				select {}
			}
			return err
		}
		reply := "ok"
		if err := perform(request); err != nil {
			reply = "error " + err.Error()
		}
		if err := send(link, reply); err != nil && !isClosed(err) {
			return err
		}
	}
}

func perform(request string) error {
	verb, argument, _ := strings.Cut(request, " ")
	switch verb {
	case "switch":
		return switchRoot(NewRoot)
	case "exec":
		return becomeInit(strings.Split(argument, "\x00"))
	}
	return fmt.Errorf("unknown request %q", request)
}

// switchRoot makes root the root of the mount tree. The first process does it, as it shares its file-system context
// with the kernel threads: helpers such as modprobe are then run from the new root.
func switchRoot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move %s to /: %w", root, err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// becomeInit takes the path of init and the environment entries to add.
func becomeInit(words []string) error {
	environ := []string{"HOME=/", "TERM=linux", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	err := unix.Exec(words[0], words[:1], append(environ, words[1:]...))
	return fmt.Errorf("exec %s: %w", words[0], err)
}

func forwardSignals(link *os.File) {
	// SIGHUP and SIGQUIT are caught to be ignored: unhandled they would end the runtime and panic the kernel.
	caught := []os.Signal{syscall.SIGHUP, syscall.SIGQUIT}
	for signal := range endingSignals {
		caught = append(caught, signal)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, caught...)
	for received := range signals {
		number, ok := received.(syscall.Signal)
		if mode := endingSignals[number]; ok && mode != "" {
			_ = send(link, "signal "+string(mode))
		}
	}
}

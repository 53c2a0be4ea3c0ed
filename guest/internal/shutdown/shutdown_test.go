package shutdown

import (
	"os"
	"syscall"
	"testing"
	"time"
)

func TestHandles(t *testing.T) {
	// systemd blocks signals and reads them from a signalfd; bit n-1 stands for signal n.
	const status = "Name:\tsystemd\nSigPnd:\t0000002000000000\nSigBlk:\t7be3c0fe28014a03\nSigIgn:\t0000000000001000\nSigCgt:\t00000001000004ec\n"
	for number, want := range map[syscall.Signal]bool{38: true, 39: true, 1: true, 11: true, 12: true, 13: false, 9: false} {
		if got := handles(status, number); got != want {
			t.Errorf("signal %d: %v, want %v", number, got, want)
		}
	}
}

func TestAwaitHandled(t *testing.T) {
	if err := awaitHandled(os.Getpid(), syscall.SIGTERM, time.Second); err != nil {
		t.Errorf("the runtime of Go catches SIGTERM: %v", err)
	}
	if err := awaitHandled(os.Getpid(), syscall.SIGKILL, time.Millisecond); err == nil {
		t.Error("SIGKILL is handled")
	}
	if err := awaitHandled(-5, syscall.SIGTERM, time.Millisecond); err == nil {
		t.Error("a process that is not there listens")
	}
}

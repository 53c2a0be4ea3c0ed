package boot

import (
	"strings"
	"testing"

	"banger/guest/internal/api"
)

// TestLink plays the first process: it answers, forwards a signal, and becomes init by closing the link.
func TestLink(t *testing.T) {
	firstEnd, serviceEnd, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	first := newFirst(serviceEnd)
	requests := make(chan string, 3)
	go func() {
		for _, reply := range []string{"ok", "error no such init"} {
			request, _ := receive(firstEnd)
			requests <- request
			_ = send(firstEnd, "signal reboot")
			_ = send(firstEnd, reply)
		}
		request, _ := receive(firstEnd)
		requests <- request
		_ = firstEnd.Close()
	}()
	if err := first.ask("switch"); err != nil {
		t.Error(err)
	}
	if err := first.ExecInit("/sbin/init", "A=b"); err == nil || err.Error() != "no such init" {
		t.Errorf("a failed exec: %v", err)
	}
	if err := first.ExecInit("/sbin/init"); err != nil {
		t.Errorf("an exec: %v", err)
	}
	if mode := <-first.Asked; mode != api.ModeReboot {
		t.Errorf("asked for %s", mode)
	}
	got := strings.Join([]string{<-requests, <-requests, <-requests}, "|")
	if want := "switch|exec /sbin/init\x00A=b|exec /sbin/init"; got != want {
		t.Errorf("requests %q, want %q", got, want)
	}
}

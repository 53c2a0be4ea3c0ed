package readiness

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"banger/guest/internal/api"
)

func TestSystemdMarks(t *testing.T) {
	directory, err := os.MkdirTemp("", "r")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(directory)
	ready := filepath.Join(directory, "ready")
	if err := os.Mkdir(ready, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	levels := make(chan api.Level, 4)
	watch, err := WatchSystemd(ctx, ready, func(level api.Level) { levels <- level })
	if err != nil {
		t.Fatal(err)
	}
	notify := func() {
		connection, err := net.Dial("unixgram", watch.NotifySocket)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if _, err := connection.Write([]byte("STATUS=Startup finished\nREADY=1")); err != nil {
			t.Fatal(err)
		}
	}
	// Rescue mode: the queue of jobs runs empty without the basic system.
	notify()
	time.Sleep(50 * time.Millisecond)
	if len(levels) != 0 {
		t.Fatalf("reached %s in rescue mode", <-levels)
	}
	begun := time.Now()
	if err := os.WriteFile(filepath.Join(ready, "basic"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if level := <-levels; level != api.LevelBasic {
		t.Errorf("first %s", level)
	}
	if took := time.Since(begun); took > 50*time.Millisecond {
		t.Errorf("basic was noticed after %s", took)
	}
	notify()
	if level := <-levels; level != api.LevelSystem {
		t.Errorf("then %s", level)
	}
}

func TestWatchSSH(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	greetings := make(chan string, 2)
	greetings <- "HTTP"
	greetings <- "SSH-2.0-test\r\n"
	go func() {
		for greeting := range greetings {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = connection.Write([]byte(greeting))
			_ = connection.Close()
		}
	}()
	reached := make(chan api.Level, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	WatchSSH(ctx, address, func(level api.Level) { reached <- level })
	if len(reached) != 1 || len(greetings) != 0 {
		t.Errorf("%d levels, %d greetings left", len(reached), len(greetings))
	}
}

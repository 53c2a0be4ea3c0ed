package server_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"banger/guest/internal/api"
	"banger/guest/internal/bulk"
	"banger/guest/internal/dial"
	"banger/guest/internal/events"
	"banger/guest/internal/execs"
	"banger/guest/internal/server"
	"banger/guest/internal/testhost"
)

// runningGuest is a guest that is configured already.
type runningGuest struct{}

func (runningGuest) Health() api.Health {
	return api.Health{Protocol: api.Protocol, Stage: api.StageRunning}
}
func (runningGuest) Configure(context.Context, api.Configure) error { return nil }
func (runningGuest) Shutdown(api.Shutdown) error                    { return nil }
func (runningGuest) Running() error                                 { return nil }
func (runningGuest) Data() *os.File                                 { return nil }

// waitingGuest is one that is not.
type waitingGuest struct{ runningGuest }

func (waitingGuest) Running() error { return api.Errorf(api.NotConfigured, "the guest is waiting") }

type fixture struct {
	client   *testhost.Client
	journal  *events.Journal
	registry *execs.Registry
}

// serve connects a client to a server that runs in this process.
func serve(t *testing.T, guest server.Guest) fixture {
	t.Helper()
	start := time.Now()
	journal := events.NewJournal(events.Deps{Uptime: func() time.Duration { return time.Since(start) }, Now: time.Now})
	registry := execs.NewRegistry(&execs.Launcher{Env: []string{"FROM_IMAGE=yes"}})
	calls := server.New(server.Deps{Guest: guest, Journal: journal, Execs: registry, Dialer: dial.NewDialer(), Bulk: bulk.NewDisk()})
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		if connection, err := listener.Accept(); err == nil {
			calls.ServeConn(connection)
		}
	}()
	connection, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client, err := testhost.Connect(connection)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return fixture{client, journal, registry}
}

// eventually polls until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

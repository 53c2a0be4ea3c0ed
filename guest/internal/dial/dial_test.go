package dial

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"banger/guest/internal/api"
)

func TestSlots(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	dialer := &Dialer{slots: make(chan struct{}, 2)}
	var releases []func()
	for range 2 {
		connection, release, err := dialer.Open(context.Background(), "unix", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		releases = append(releases, release)
	}
	if _, _, err := dialer.Open(context.Background(), "unix", listener.Addr().String()); err == nil || api.AsError(err).Code != api.Limit {
		t.Errorf("one too many: %v, want limit", err)
	}
	releases[0]()
	// A failed connect must give its slot back.
	for range 3 {
		if _, _, err := dialer.Open(context.Background(), "unix", "/no/such/socket"); err == nil || api.AsError(err).Code != api.Failed {
			t.Errorf("a failed connect: %v, want failed", err)
		}
	}
}

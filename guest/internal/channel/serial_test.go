package channel_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"banger/guest/internal/channel"
	"banger/guest/internal/testhost"
)

func TestSerialSurvivesReconnects(t *testing.T) {
	port := newWire()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/echo" {
			_, _ = io.Copy(w, r.Body)
			return
		}
		// Endless, so that a host that goes away leaves the middle of a frame behind.
		for block := make([]byte, 8<<10); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	server := &http2.Server{MaxReadFrameSize: channel.MaxFrameSize}
	go func() {
		_ = channel.ServeSerial(ctx, port, func(connection net.Conn) {
			server.ServeConn(connection, &http2.ServeConnOpts{Handler: handler})
		})
	}()
	random := rand.New(rand.NewPCG(1, 2))
	host := port.connect()
	for round := range 200 {
		oneSession(t, host, round, random)
		switch random.IntN(3) {
		case 0:
			host = host.swap()
		case 1:
			_ = host.Close()
			host = port.connect()
		default:
			// A host that dies in the middle of its own words, with anything in them.
			garbage := make([]byte, random.IntN(3000))
			for index := range garbage {
				garbage[index] = byte(random.IntN(256))
			}
			_, _ = host.Write(garbage)
			host = host.swap()
		}
	}
}

func oneSession(t *testing.T, host *hostEnd, round int, random *rand.Rand) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- converse(host, round, random) }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("session %d: %v", round, err)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("session %d hangs", round)
	}
}

func converse(host *hostEnd, round int, random *rand.Rand) error {
	if err := testhost.Resync(host); err != nil {
		return err
	}
	client, err := testhost.Connect(host)
	if err != nil {
		return err
	}
	question := bytes.Repeat([]byte{byte(round), 0}, 1+random.IntN(20_000))
	response, err := client.Stream(context.Background(), http.MethodPost, "/echo", bytes.NewReader(question))
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if !bytes.Equal(answer, question) {
		return fmt.Errorf("%d bytes came back as %d others", len(question), len(answer))
	}
	flood, err := client.Stream(context.Background(), http.MethodPost, "/flood", endless{})
	if err != nil {
		return err
	}
	_, err = io.ReadFull(flood.Body, make([]byte, 1+random.IntN(100_000)))
	return err
}

// endless is a request body under way when its host dies.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestSessionEndIsAnError(t *testing.T) {
	port := newWire()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sessions := make(chan net.Conn)
	go func() {
		_ = channel.ServeSerial(ctx, port, func(connection net.Conn) {
			sessions <- connection
			_, _ = io.Copy(io.Discard, connection)
		})
	}()
	host := port.connect()
	if err := testhost.Resync(host); err != nil {
		t.Fatal(err)
	}
	first := <-sessions
	host = host.swap()
	if err := testhost.Resync(host); err != nil {
		t.Fatal(err)
	}
	<-sessions
	if _, err := first.Write([]byte("late")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write of the session before: %v, want closed", err)
	}
	if _, err := first.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a read of the session before: %v, want closed", err)
	}
}

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
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"banger/guest/internal/channel"
	"banger/guest/internal/testhost"
)

// wire is a serial port as QEMU offers it: the guest's end is open all the time, hosts come and go, and what was under
// way when one goes stays in it.
type wire struct {
	mutex    sync.Mutex
	changed  *sync.Cond
	toGuest  []byte
	toHost   []byte
	host     *hostEnd
	deadline map[string]time.Time
}

// capacity bounds each direction, so that writers block as on a real port.
const capacity = 40 << 10

func newWire() *wire {
	w := &wire{deadline: map[string]time.Time{}}
	w.changed = sync.NewCond(&w.mutex)
	return w
}

func (w *wire) Read(p []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for len(w.toGuest) == 0 {
		if w.host == nil {
			return 0, io.EOF
		}
		if w.expired("read") {
			return 0, os.ErrDeadlineExceeded
		}
		w.changed.Wait()
	}
	n := copy(p, w.toGuest)
	w.toGuest = w.toGuest[n:]
	w.changed.Broadcast()
	return n, nil
}

func (w *wire) Write(p []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for written := 0; written < len(p); {
		if w.expired("write") {
			return written, os.ErrDeadlineExceeded
		}
		if w.host == nil {
			// QEMU drops what is written while nobody listens.
			return len(p), nil
		}
		room := min(capacity-len(w.toHost), len(p)-written)
		if room == 0 {
			w.changed.Wait()
			continue
		}
		w.toHost = append(w.toHost, p[written:written+room]...)
		written += room
		w.changed.Broadcast()
	}
	return len(p), nil
}

func (w *wire) expired(direction string) bool {
	deadline := w.deadline[direction]
	return !deadline.IsZero() && !time.Now().Before(deadline)
}

func (w *wire) setDeadline(direction string, deadline time.Time) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.deadline[direction] = deadline
	w.changed.Broadcast()
	return nil
}

func (w *wire) SetReadDeadline(deadline time.Time) error  { return w.setDeadline("read", deadline) }
func (w *wire) SetWriteDeadline(deadline time.Time) error { return w.setDeadline("write", deadline) }

func (w *wire) WaitForHost(ctx context.Context) error {
	stop := context.AfterFunc(ctx, w.changed.Broadcast)
	defer stop()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for w.host == nil && ctx.Err() == nil {
		w.changed.Wait()
	}
	return ctx.Err()
}

// connect is a host process that opens the port.
func (w *wire) connect() *hostEnd {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.host = &hostEnd{wire: w}
	w.changed.Broadcast()
	return w.host
}

// hostEnd is the port as one host process sees it.
type hostEnd struct {
	net.Conn
	wire *wire
	gone bool
}

func (h *hostEnd) Read(p []byte) (int, error) {
	w := h.wire
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for len(w.toHost) == 0 || h.gone {
		if h.gone {
			return 0, net.ErrClosed
		}
		w.changed.Wait()
	}
	n := copy(p, w.toHost)
	w.toHost = w.toHost[n:]
	w.changed.Broadcast()
	return n, nil
}

func (h *hostEnd) Write(p []byte) (int, error) {
	w := h.wire
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for written := 0; written < len(p); {
		if h.gone {
			return written, net.ErrClosed
		}
		room := min(capacity-len(w.toGuest), len(p)-written)
		if room == 0 {
			w.changed.Wait()
			continue
		}
		w.toGuest = append(w.toGuest, p[written:written+room]...)
		written += room
		w.changed.Broadcast()
	}
	return len(p), nil
}

// Close ends the host process. What it wrote stays; what it had not read stays, too, when the next one is quick.
func (h *hostEnd) Close() error {
	w := h.wire
	w.mutex.Lock()
	defer w.mutex.Unlock()
	h.gone = true
	if w.host == h {
		w.host = nil
	}
	w.changed.Broadcast()
	return nil
}

func (h *hostEnd) SetDeadline(time.Time) error      { return nil }
func (h *hostEnd) SetReadDeadline(time.Time) error  { return nil }
func (h *hostEnd) SetWriteDeadline(time.Time) error { return nil }

// swap ends a host process and starts the next one without the guest seeing a moment between.
func (h *hostEnd) swap() *hostEnd {
	w := h.wire
	w.mutex.Lock()
	defer w.mutex.Unlock()
	h.gone = true
	w.host = &hostEnd{wire: w}
	w.changed.Broadcast()
	return w.host
}

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

package channel_test

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"time"
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

// Package readiness finds out how far the guest has come, without asking anybody for it: what is told is free, and a
// question costs time exactly when the guest has none.
package readiness

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
	"banger/guest/internal/inotify"
)

// basicMark is the file that systemd makes when it reaches basic.target (see the units of package configure).
const basicMark = "basic"

// Systemd reports basic and system of a systemd guest. It is begun before systemd is.
type Systemd struct {
	// NotifySocket is the path for systemd's NOTIFY_SOCKET: to it the manager says READY=1 when its first queue of jobs is
	// done, which is when is-system-running turns to running or degraded.
	NotifySocket string
	ready        string
	reach        func(api.Level)
	mutex        sync.Mutex
	basic        bool
}

// WatchSystemd begins to watch; ready is the directory of marks.
func WatchSystemd(ctx context.Context, ready string, reach func(api.Level)) (*Systemd, error) {
	s := &Systemd{NotifySocket: filepath.Join(filepath.Dir(ready), "notify"), ready: ready, reach: reach}
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.NotifySocket, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("notify socket: %w", err)
	}
	if err := inotify.Watch(ctx, ready, unix.IN_CREATE, s.marked); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = socket.Close() })
	go s.listen(socket)
	return s, nil
}

func (s *Systemd) marked(name string) {
	if name != basicMark {
		return
	}
	s.mutex.Lock()
	s.basic = true
	s.mutex.Unlock()
	s.reach(api.LevelBasic)
}

func (s *Systemd) listen(socket *net.UnixConn) {
	for packet := make([]byte, 4096); ; {
		n, err := socket.Read(packet)
		if err != nil {
			return
		}
		for line := range bytes.Lines(packet[:n]) {
			if string(bytes.TrimSpace(line)) == "READY=1" && s.hasBasic() {
				s.reach(api.LevelSystem)
			}
		}
	}
}

// hasBasic tells a system that is up from one that has come to rest in rescue or emergency mode.
func (s *Systemd) hasBasic() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.basic {
		return true
	}
	// The mark may be there while its event is still on the way.
	_, err := os.Lstat(filepath.Join(s.ready, basicMark))
	return err == nil
}

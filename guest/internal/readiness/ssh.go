package readiness

import (
	"context"
	"io"
	"net"
	"time"

	"banger/guest/internal/api"
)

const (
	// sshPoll is cheap: nobody listening on loopback is told at once.
	sshPoll = 40 * time.Millisecond
	// sshPatience is for an sshd that listens and is slow to fork.
	sshPatience = 30 * time.Second
	sshBanner   = "SSH-"
)

// WatchSSH reports ssh once something at address greets as an SSH server. It returns then or with ctx.
func WatchSSH(ctx context.Context, address string, reach func(api.Level)) {
	for ctx.Err() == nil {
		if answersSSH(ctx, address) {
			reach(api.LevelSSH)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(sshPoll):
		}
	}
}

func answersSSH(ctx context.Context, address string) bool {
	dialer := net.Dialer{Timeout: sshPatience}
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer connection.Close()
	_ = connection.SetReadDeadline(time.Now().Add(sshPatience))
	greeting := make([]byte, len(sshBanner))
	_, err = io.ReadFull(connection, greeting)
	return err == nil && string(greeting) == sshBanner
}

package readiness

import (
	"context"
	"os"
	"strings"
	"time"

	"banger/guest/internal/api"
)

const openRCPoll = 100 * time.Millisecond

// WatchOpenRC reports system once OpenRC has finished its default runlevel. It returns then or with ctx.
func WatchOpenRC(ctx context.Context, reach func(api.Level)) {
	for ctx.Err() == nil {
		level, err := os.ReadFile("/run/openrc/softlevel")
		_, starting := os.Stat("/run/openrc/rc.starting")
		if err == nil && strings.TrimSpace(string(level)) == "default" && os.IsNotExist(starting) {
			reach(api.LevelSystem)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(openRCPoll):
		}
	}
}

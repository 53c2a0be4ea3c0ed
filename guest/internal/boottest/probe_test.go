package boottest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"banger/guest/internal/api"
	"banger/guest/internal/execs"
)

func TestProbeBoot(t *testing.T) {
	m := boot(t, options{arguments: "banger.channel=serial banger.probe"})
	client := m.connect()
	var health api.Health
	if err := client.Call(http.MethodGet, "/v1/health", nil, &health); err != nil {
		t.Fatal(err)
	}
	t.Logf("health after %s: %+v", m.since(), health)
	if health.Protocol != 1 || health.Stage != api.StageWaiting {
		t.Errorf("health is %+v", health)
	}
	if _, err := client.Exec(context.Background(), execs.Start{Argv: []string{"true"}}); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("exec before configure: %v, want 409", err)
	}
	client.Close()
	client = m.connect()
	if err := client.Call(http.MethodPost, "/v1/shutdown", api.Shutdown{Mode: api.ModePoweroff, GraceMs: 1000}, nil); err != nil {
		t.Fatal(err)
	}
	m.awaitExit(10 * time.Second)
	t.Logf("ended after %s", m.since())
}

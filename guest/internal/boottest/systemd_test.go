package boottest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"banger/guest/internal/api"
	"banger/guest/internal/execs"
)

func TestSystemdBoot(t *testing.T) {
	c := prepare(t, "BANGER_TEST_SYSTEMD_IMAGE", "squashfs image with systemd and sshd")
	m, client := c.boot(t)
	events := follow(t, client)
	reached := map[string]bool{}
	m.await(events, "readiness", func(e event) bool {
		if e.Type == "readiness" {
			reached[e.Level] = true
		}
		return reached["agent"] && reached["basic"] && reached["system"] && reached["ssh"]
	})
	var health api.Health
	if err := client.Call(http.MethodGet, "/v1/health", nil, &health); err != nil || health.Init != api.InitSystemd || health.Stage != api.StageRunning {
		t.Errorf("health %+v, %v", health, err)
	}
	begun := time.Now()
	_, last := m.run(client, execs.Start{Argv: []string{"sh", "-c", "exit 42"}, Login: true})
	if last["status"] != float64(42) {
		t.Errorf("exit 42 came back as %v", last)
	}
	t.Logf("exec with login: %s", time.Since(begun))
	for _, line := range []string{
		"systemctl is-system-running; systemctl --failed --no-legend; true",
		"systemctl show -P ActiveEnterTimestampMonotonic basic.target multi-user.target banger-basic.socket; systemd-analyze | head -1",
		"cat /proc/1/cmdline | tr '\\0' ' '; cat /proc/self/cgroup; ls -l /proc/self/exe >/dev/null; cat /proc/self/oom_score_adj",
		"cat /etc/hostname /etc/hosts /etc/machine-id /etc/resolv.conf /root/.gitconfig; hostname",
		"grep -E ' / |/var/lib|/lib/modules|/run |/dev' /proc/self/mountinfo | cut -d' ' -f5-; df -h / | tail -1; ip -br addr; ip route",
		"ps -eo pid,ppid,rss,cgroup,args | grep -v '\\[' ",
		"test -f /run/banger/ssh/host_key && sshd -T -f /run/banger/ssh/sshd_config | grep -E 'permitroot|passwordauth|allowusers'",
	} {
		t.Logf("%s\n%s", line, m.shell(client, line))
	}
	begun = time.Now()
	if err := client.Call(http.MethodPost, "/v1/shutdown", api.Shutdown{Mode: api.ModePoweroff, GraceMs: 5000}, nil); err != nil {
		t.Fatal(err)
	}
	m.awaitExit(30 * time.Second)
	t.Logf("poweroff took %s", time.Since(begun))
	if !strings.Contains(m.consoleText(), "banger-agent: guest is going down: poweroff") {
		t.Error("no mark on the console")
	}
	t.Run("reboot from inside, second boot of the same disk", func(t *testing.T) {
		m, client := c.boot(t)
		events := follow(t, client)
		m.await(events, "basic", func(e event) bool { return e.Level == "basic" })
		m.run(client, execs.Start{Argv: []string{"systemctl", "reboot"}})
		ending := m.await(events, "ending", func(e event) bool { return e.Type == "ending" })
		if ending.Mode != api.ModeReboot {
			t.Errorf("ending in mode %s", ending.Mode)
		}
		m.awaitExit(30 * time.Second)
		if !strings.Contains(m.consoleText(), "banger-agent: guest is going down: reboot") {
			t.Error("no mark on the console")
		}
	})
}

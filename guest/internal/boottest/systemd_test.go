package boottest

import (
	"archive/tar"
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"banger/guest/internal/api"
	"banger/guest/internal/execs"
	"banger/guest/internal/testhost"
)

func TestSystemdBoot(t *testing.T) {
	c := prepare(t, "BANGER_TEST_SYSTEMD_IMAGE", "squashfs image with systemd and sshd")
	m, client := c.boot(t)
	events := follow(t, client)
	reached, basicAtMs := map[string]bool{}, int64(0)
	m.await(events, "readiness", func(e event) bool {
		if e.Type == "readiness" {
			reached[e.Level] = true
		}
		if e.Level == "basic" {
			basicAtMs = e.AtMs
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
	expectStatus42(t, c.login(t, client))
	for line, want := range map[string]string{
		"systemctl is-system-running": "running\n",
		"cat /proc/self/cgroup":       "0::/banger\n",
		"cat /proc/self/oom_score_adj; cat /proc/$(pgrep -f ^@banger-agent)/oom_score_adj": "0\n-1000\n",
		fileLimits: wantedFileLimits,
		"hostname; cat /etc/hostname; cat /etc/machine-id":                                      "sandbox\nsandbox\n0123456789abcdef0123456789abcdef\n",
		"git config user.name; cat /etc/resolv.conf":                                            "Ann O'Nym\nnameserver 10.0.2.3\nsearch vm\n",
		"getent hosts sandbox.vm | awk '{print $1}'":                                            "10.0.2.15\n",
		"stat -f -c %T / ; findmnt -no FSTYPE /var/lib/docker":                                  "overlayfs\next4\n",
		"ip -4 -br addr show eth0 | awk '{print $2, $3}'; ip route | head -1 | cut -d' ' -f1-5": "UP 10.0.2.15/24\ndefault via 10.0.2.2 dev eth0\n",
		"stat -c '%a %U' /run/banger /run/banger/ssh/host_key":                                  "700 root\n600 root\n",
		"/usr/sbin/sshd -T -f /run/banger/ssh/sshd_config | grep -E '^(permitrootlogin|passwordauthentication|allowusers|kbdinteractiveauthentication|hostkey) ' | sort": "allowusers root\nhostkey /run/banger/ssh/host_key\nkbdinteractiveauthentication no\npasswordauthentication no\npermitrootlogin without-password\n",
		"modprobe -n overlay && systemctl is-active ssh.service banger-basic.socket":                                                                                     "active\nactive\n",
	} {
		if got := m.shell(client, line); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
	m.vsockLoopback(client)
	var stats api.Stats
	if err := client.Call(http.MethodGet, "/v1/stats", nil, &stats); err != nil || stats.DiskTotalBytes < 19e8 {
		t.Errorf("the data disk has not grown: %+v, %v", stats, err)
	}
	noticed := basicAtMs - monotonicMs(t, m.shell(client, "systemctl show -P ActiveEnterTimestampMonotonic basic.target"))
	t.Logf("basic was noticed %d ms after it was reached", noticed)
	// 50 ms on a machine with nothing else to do.
	if noticed > 250 {
		t.Errorf("basic was noticed %d ms after it was reached", noticed)
	}
	t.Log(m.shell(client, "systemd-analyze | head -1"))
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

func monotonicMs(t *testing.T, microseconds string) int64 {
	t.Helper()
	value, err := strconv.ParseInt(strings.TrimSpace(microseconds), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value / 1000
}

// vsockLoopback runs the vsock test of package channel where there is a loopback transport.
func (m *machine) vsockLoopback(client *testhost.Client) {
	m.t.Helper()
	program := filepath.Join(m.t.TempDir(), "channel.test")
	build := exec.Command("go", "test", "-c", "-o", program, "banger/guest/internal/channel")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		m.t.Fatalf("%v\n%s", err, output)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		m.t.Fatal(err)
	}
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	if err := writer.WriteHeader(&tar.Header{Name: "channel.test", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))}); err != nil {
		m.t.Fatal(err)
	}
	_, _ = writer.Write(content)
	_ = writer.Close()
	response, err := client.Stream(context.Background(), http.MethodPut, "/v1/files?path=/root/tests&owner=0:0", &archive)
	if err != nil || response.StatusCode != http.StatusOK {
		m.t.Fatalf("upload: %v %v", response, err)
	}
	if output := m.shell(client, "modprobe vsock_loopback && /root/tests/channel.test -test.v -test.run TestVsock"); !strings.Contains(output, "--- PASS: TestVsock") {
		m.t.Errorf("vsock: %s", output)
	}
}

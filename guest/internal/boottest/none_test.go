package boottest

import (
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"banger/guest/internal/api"
	"banger/guest/internal/execs"
	"banger/guest/internal/testhost"
)

// login logs in through the channel, as the host does.
func (c *configured) login(t *testing.T, client *testhost.Client) *ssh.Client {
	t.Helper()
	connection, err := client.Dial("tcp", "127.0.0.1:22")
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(c.client)}, HostKeyCallback: ssh.FixedHostKey(c.host)}
	session, channels, requests, err := ssh.NewClientConn(connection, "guest", config)
	if err != nil {
		t.Fatal(err)
	}
	return ssh.NewClient(session, channels, requests)
}

func expectStatus42(t *testing.T, client *ssh.Client) {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	output, err := session.Output("echo over ssh; exit 42")
	var exit *ssh.ExitError
	if string(output) != "over ssh\n" || !errors.As(err, &exit) || exit.ExitStatus() != 42 {
		t.Errorf("ssh: %q, %v", output, err)
	}
	if session, err = client.NewSession(); err != nil {
		t.Fatal(err)
	}
	// The environment of the image, as a login sees it.
	if output, err = session.Output("sh -lc 'echo $FROM_IMAGE'"); string(output) != "yes\n" || err != nil {
		t.Errorf("ssh: %q, %v", output, err)
	}
}

// fileLimits tells the soft and hard limit of open files of a command, and whether the agent that started it may open many.
const fileLimits = `ulimit -Sn; ulimit -Hn; awk '/open files/ {print ($4 > 500000)}' /proc/$PPID/limits`

const wantedFileLimits = "1024\n524288\n1\n"

func TestImageWithoutInit(t *testing.T) {
	c := prepare(t, "BANGER_TEST_BUSYBOX_IMAGE", "squashfs image with busybox and no init")
	m, client := c.boot(t)
	events := follow(t, client)
	m.await(events, "ssh", func(e event) bool { return e.Level == "ssh" })
	var health api.Health
	if err := client.Call(http.MethodGet, "/v1/health", nil, &health); err != nil || health.Init != api.InitNone || len(health.Readiness) != 4 {
		t.Errorf("health %+v, %v", health, err)
	}
	if _, last := m.run(client, execs.Start{Argv: []string{"sh", "-c", "exit 42"}, Login: true}); last["status"] != float64(42) {
		t.Errorf("exit 42 came back as %v", last)
	}
	if got := m.shell(client, fileLimits); got != wantedFileLimits {
		t.Errorf("limits of open files: %q", got)
	}
	expectStatus42(t, c.login(t, client))
	m.shell(client, "(sleep 0.2 &) ; (sleep 0.1 &)")
	for deadline := time.Now().Add(10 * time.Second); m.shell(client, "ps -o stat | grep -c Z || true") != "0\n"; {
		if time.Now().After(deadline) {
			t.Fatalf("orphans are not reaped:\n%s", m.shell(client, "ps"))
		}
	}
	m.shell(client, "echo kept > /root/file; tty -s || true; mount | grep -q 'on / type overlay'; ping -c1 127.0.0.1 >/dev/null; echo x > /dev/null; test -w /dev/shm; ls /proc/self/fd >/dev/null")
	m.run(client, execs.Start{Argv: []string{"reboot"}})
	if ending := m.await(events, "ending", func(e event) bool { return e.Type == "ending" }); ending.Mode != api.ModeReboot {
		t.Errorf("ending in mode %s", ending.Mode)
	}
	m.awaitExit(20 * time.Second)
	if !strings.Contains(m.consoleText(), "banger-agent: guest is going down: reboot") {
		t.Error("no mark on the console")
	}
	secondBoot(t, c)
}

func secondBoot(t *testing.T, c *configured) {
	t.Helper()
	m, client := c.boot(t)
	if got := m.shell(client, "cat /root/file"); got != "kept\n" {
		t.Errorf("after the reboot: %q", got)
	}
	begun := time.Now()
	if err := client.Call(http.MethodPost, "/v1/shutdown", api.Shutdown{Mode: api.ModePoweroff, GraceMs: 2000}, nil); err != nil {
		t.Fatal(err)
	}
	m.awaitExit(20 * time.Second)
	t.Logf("poweroff took %s", time.Since(begun))
	output, err := exec.Command("dumpe2fs", "-h", c.disks[len(c.disks)-1]).CombinedOutput()
	if err != nil || strings.Contains(string(output), "needs_recovery") {
		t.Errorf("the data disk is not clean: %v\n%s", err, output)
	}
}

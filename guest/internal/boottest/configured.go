package boottest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"banger/guest/internal/api"
	"banger/guest/internal/execs"
	"banger/guest/internal/testhost"
)

const modulesImageVariable = "BANGER_TEST_MODULES_IMAGE"

// configured is what a configured test machine was given.
type configured struct {
	disks  []string
	body   api.Configure
	client ssh.Signer
	host   ssh.PublicKey
}

// prepare makes the disks and the configuration of a machine with the image named by variable.
func prepare(t *testing.T, variable, what string) *configured {
	t.Helper()
	base := setting(t, variable, what)
	c := &configured{disks: []string{base}, body: api.Configure{
		VMID: "test", Hostname: "sandbox", MachineID: "0123456789abcdef0123456789abcdef",
		Disks:   api.Disks{Base: api.Disk{Device: "/dev/vda", Type: "squashfs"}},
		Network: &api.Network{Address: "10.0.2.15/24", Gateway: "10.0.2.2", MAC: "52:54:00:12:34:56", Resolvers: []string{"10.0.2.3"}, Search: "vm"},
		Git:     &api.Git{Name: "Ann O'Nym", Email: "ann@example.org"},
		Env:     []string{"FROM_IMAGE=yes"}, Init: "auto",
	}}
	next := "/dev/vdb"
	if modules := os.Getenv(modulesImageVariable); modules != "" {
		c.disks = append(c.disks, modules)
		c.body.Disks.Modules = &api.Disk{Device: "/dev/vdb", Type: "squashfs"}
		next = "/dev/vdc"
	}
	data := filepath.Join(t.TempDir(), "data.ext4")
	output, err := exec.Command("mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", "-J", "size=32", "-O", "fast_commit,metadata_csum", data, "1G").CombinedOutput()
	if err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s", err, output)
	}
	if err := os.Truncate(data, 2<<30); err != nil {
		t.Fatal(err)
	}
	c.disks = append(c.disks, data)
	c.body.Disks.Data = api.Disk{Device: next, Type: "ext4"}
	c.makeKeys(t)
	return c
}

func (c *configured) makeKeys(t *testing.T) {
	t.Helper()
	_, hostKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(hostKey, "")
	if err != nil {
		t.Fatal(err)
	}
	c.host, err = ssh.NewPublicKey(hostKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	_, userKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if c.client, err = ssh.NewSignerFromKey(userKey); err != nil {
		t.Fatal(err)
	}
	c.body.SSH = api.SSH{
		HostKey:        string(pem.EncodeToMemory(block)),
		HostKeyPublic:  string(ssh.MarshalAuthorizedKey(c.host)[:len(ssh.MarshalAuthorizedKey(c.host))-1]),
		AuthorizedKeys: []string{string(ssh.MarshalAuthorizedKey(c.client.PublicKey())[:len(ssh.MarshalAuthorizedKey(c.client.PublicKey()))-1])},
	}
}

func (c *configured) boot(t *testing.T) (*machine, *testhost.Client) {
	t.Helper()
	arguments := []string{"-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile=,mac=52:54:00:12:34:56"}
	for index, disk := range c.disks {
		readOnly := "on"
		if index == len(c.disks)-1 {
			readOnly = "off"
		}
		arguments = append(arguments, "-drive", "if=virtio,format=raw,cache=writeback,file="+disk+",readonly="+readOnly)
	}
	m := boot(t, options{arguments: "banger.channel=serial", qemu: arguments})
	client := m.connect()
	t.Logf("%s: agent", m.since())
	c.body.TimeUnixMs = time.Now().UnixMilli()
	if err := client.Call(http.MethodPost, "/v1/configure", c.body, nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: configured", m.since())
	return m, client
}

// event is any of the events of the protocol.
type event struct {
	Type    string    `json:"type"`
	Level   string    `json:"level"`
	AtMs    int64     `json:"atMs"`
	Message string    `json:"message"`
	Mode    api.Mode  `json:"mode"`
	Seen    time.Time `json:"-"`
}

// follow delivers the guest's events; the channel closes with the stream.
func follow(t *testing.T, client *testhost.Client) <-chan event {
	t.Helper()
	response, err := client.Stream(context.Background(), http.MethodGet, "/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	events := make(chan event, 100)
	go func() {
		defer close(events)
		for decoder := json.NewDecoder(response.Body); ; {
			next := event{}
			if decoder.Decode(&next) != nil {
				return
			}
			next.Seen = time.Now()
			events <- next
		}
	}()
	return events
}

// await takes events in until one is wanted, and returns it.
func (m *machine) await(events <-chan event, what string, wanted func(event) bool) event {
	m.t.Helper()
	deadline := time.After(bootDeadline)
	for {
		select {
		case next, open := <-events:
			if !open {
				m.t.Fatalf("the events ended before %s", what)
			}
			m.t.Logf("%s: %s %s%s %s (guest %d ms)", m.since(), next.Type, next.Level, next.Mode, next.Message, next.AtMs)
			if wanted(next) {
				return next
			}
		case <-deadline:
			m.t.Fatalf("no %s in time", what)
		}
	}
}

// run runs a shell line in the guest and returns its output and last control message.
func (m *machine) run(client *testhost.Client, start execs.Start) (*testhost.Exec, map[string]any) {
	m.t.Helper()
	command, err := client.Exec(context.Background(), start)
	if err != nil {
		m.t.Fatal(err)
	}
	last, err := command.Wait()
	if err != nil {
		m.t.Fatal(err)
	}
	return command, last
}

func (m *machine) shell(client *testhost.Client, line string) string {
	m.t.Helper()
	command, last := m.run(client, execs.Start{Argv: []string{"/bin/sh", "-c", line}})
	if last["status"] != float64(0) {
		m.t.Errorf("%s: %v\n%s%s", line, last, command.Stdout.String(), command.Stderr.String())
	}
	return command.Stdout.String()
}

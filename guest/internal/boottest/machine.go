package boottest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"banger/guest/internal/testhost"
)

// Where the parts of a test machine are; the tests that need one skip when it is not set.
const (
	agentVariable   = "BANGER_TEST_AGENT"
	kernelVariable  = "BANGER_TEST_KERNEL"
	modulesVariable = "BANGER_TEST_MODULES"
)

const bootDeadline = 60 * time.Second

// moduleOrder is the order of Debian's cloud kernel: each after what it needs.
var moduleOrder = []string{
	"virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_mmio",
	"virtio_console", "vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport",
	"virtio_blk", "squashfs", "overlay", "failover", "net_failover", "virtio_net", "rng-core", "virtio-rng",
}

type machine struct {
	t       *testing.T
	socket  string
	console string
	started time.Time
	process *exec.Cmd
	exited  chan error
}

type options struct {
	arguments string
	qemu      []string
}

func setting(t *testing.T, name, what string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skipf("no %s: set %s", what, name)
	}
	return value
}

func boot(t *testing.T, wanted options) *machine {
	t.Helper()
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Skip("no qemu-system-x86_64 on this machine")
	}
	kernel := setting(t, kernelVariable, "kernel image")
	// QEMU's options are separated by commas, which a test's own directory may have in its name.
	directory, err := os.MkdirTemp("", "banger-boot-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	initrd := filepath.Join(directory, "initramfs")
	writeInitramfs(t, initrd)
	m := &machine{t: t, socket: filepath.Join(directory, "agent.sock"), console: filepath.Join(directory, "console.log"), exited: make(chan error, 1)}
	command := "console=ttyS0 quiet tsc=reliable random.trust_cpu=on mitigations=off i8042.noaux i8042.nokbd no_timer_check cryptomgr.notests net.ifnames=0 apparmor=0 panic=-1 " + wanted.arguments
	arguments := []string{
		"-accel", "tcg,thread=multi", "-cpu", "max", "-M", "q35", "-smp", "2", "-m", "1024",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", kernel, "-initrd", initrd, "-append", command,
		"-serial", "file:" + m.console,
		"-chardev", "socket,id=agent,path=" + m.socket + ",server=on,wait=off",
		"-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=banger.agent",
	}
	m.process = exec.Command(qemu, append(arguments, wanted.qemu...)...)
	m.process.Stderr = os.Stderr
	m.started = time.Now()
	if err := m.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { m.exited <- m.process.Wait() }()
	t.Cleanup(m.end)
	return m
}

func (m *machine) end() {
	if m.t.Failed() {
		m.t.Logf("console:\n%s", m.consoleText())
	}
	_ = m.process.Process.Kill()
}

func (m *machine) consoleText() string {
	content, _ := os.ReadFile(m.console)
	return string(content)
}

// connect waits for the agent and returns a client.
func (m *machine) connect() *testhost.Client {
	m.t.Helper()
	for deadline := m.started.Add(bootDeadline); time.Now().Before(deadline); {
		connection, err := net.Dial("unix", m.socket)
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		_ = connection.SetDeadline(deadline)
		if err := testhost.Resync(connection); err != nil {
			m.t.Fatal(err)
		}
		_ = connection.SetDeadline(time.Time{})
		client, err := testhost.Connect(connection)
		if err != nil {
			m.t.Fatal(err)
		}
		m.t.Cleanup(client.Close)
		return client
	}
	m.t.Fatal("the agent did not answer in time")
	return nil
}

func (m *machine) awaitExit(deadline time.Duration) {
	m.t.Helper()
	select {
	case <-m.exited:
	case <-time.After(deadline):
		m.t.Fatal("the machine did not end in time")
	}
}

func (m *machine) since() string { return fmt.Sprintf("%d ms", time.Since(m.started).Milliseconds()) }

func writeInitramfs(t *testing.T, target string) {
	t.Helper()
	agent, err := os.ReadFile(setting(t, agentVariable, "built agent"))
	if err != nil {
		t.Fatal(err)
	}
	files := modulesBelow(t, setting(t, modulesVariable, "directory of kernel modules"))
	archive := &initramfs{}
	for _, name := range []string{"dev", "proc", "sys", "run", "newroot", "modules"} {
		archive.directory(name)
	}
	archive.device("dev/console", 5, 1)
	archive.executable("init", agent)
	var order strings.Builder
	for _, name := range moduleOrder {
		order.WriteString(name + ".ko\n")
		if file, ok := files[name+".ko"]; ok {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			archive.file("modules/"+name+".ko", content)
		}
	}
	archive.file("modules/order", []byte(order.String()))
	if err := os.WriteFile(target, archive.bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func modulesBelow(t *testing.T, directory string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(directory, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".ko") {
			files[filepath.Base(path)] = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

package configure

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"banger/guest/internal/api"
)

var network = &api.Network{Address: "172.16.0.5/24", Gateway: "172.16.0.1", MAC: "02:00:00:00:00:05", Resolvers: []string{"172.16.0.1", "9.9.9.9"}, Search: "vm"}

func TestRenderHosts(t *testing.T) {
	const ours = "127.0.0.1 localhost # banger\n::1 localhost ip6-localhost ip6-loopback # banger\n172.16.0.5 sandbox.vm sandbox # banger\n"
	first := RenderHosts("", "sandbox", network)
	if first != ours {
		t.Errorf("got %q", first)
	}
	edited := "# mine\n" + first + "10.0.0.1 other"
	again := RenderHosts(edited, "sandbox", network)
	if want := ours + "# mine\n10.0.0.1 other\n"; again != want {
		t.Errorf("the user's lines: got %q, want %q", again, want)
	}
	if RenderHosts(again, "sandbox", network) != again {
		t.Error("not the same when rendered again")
	}
	if alone := RenderHosts("", "sandbox", nil); !strings.Contains(alone, "127.0.1.1 sandbox # banger\n") {
		t.Errorf("without a network: %q", alone)
	}
}

func TestRenderResolv(t *testing.T) {
	if got := RenderResolv(network); got != "nameserver 172.16.0.1\nnameserver 9.9.9.9\nsearch vm\n" {
		t.Errorf("got %q", got)
	}
	if got := RenderResolv(&api.Network{Resolvers: []string{"1.1.1.1"}}); got != "nameserver 1.1.1.1\n" {
		t.Errorf("got %q", got)
	}
}

func TestRenderGitConfig(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("no git on this machine")
	}
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte(RenderGitConfig(api.Git{Name: "A \"B\" \\ ; # C\n[core]", Email: "a@b"})), 0o600))
	output, err := exec.Command(git, "config", "--file", file, "--list").CombinedOutput()
	if want := "user.name=A \"B\" \\ ; # C [core]\nuser.email=a@b\n"; err != nil || string(output) != want {
		t.Errorf("git reads %q, %v, want %q", output, err, want)
	}
}

func TestWriteIdentity(t *testing.T) {
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	must(t, os.Symlink("../run/resolve/stub", filepath.Join(root, "etc/resolv.conf")))
	body := api.Configure{Hostname: "sandbox", MachineID: strings.Repeat("ab", 16), Network: network}
	must(t, writeIdentity(root, body))
	before := modified(t, filepath.Join(root, "etc"))
	for name, want := range map[string]string{"hostname": "sandbox\n", "machine-id": strings.Repeat("ab", 16) + "\n", "resolv.conf": RenderResolv(network)} {
		content, err := os.ReadFile(filepath.Join(root, "etc", name))
		must(t, err)
		if string(content) != want {
			t.Errorf("%s: %q", name, content)
		}
	}
	must(t, writeIdentity(root, body))
	if after := modified(t, filepath.Join(root, "etc")); after != before {
		t.Error("files that were right already have been written again")
	}
}

func modified(t *testing.T, name string) string {
	t.Helper()
	info, err := os.Stat(name)
	must(t, err)
	return info.ModTime().String()
}

func TestGitIdentityIsWrittenOnce(t *testing.T) {
	root := t.TempDir()
	must(t, writeGitIdentity(root, &api.Git{Name: "A", Email: "a@b"}))
	must(t, writeGitIdentity(root, &api.Git{Name: "B", Email: "b@b"}))
	content, err := os.ReadFile(filepath.Join(root, "root/.gitconfig"))
	must(t, err)
	if !strings.Contains(string(content), `"A"`) {
		t.Errorf("%s", content)
	}
}

func TestProfileGivesTheImageItsPath(t *testing.T) {
	root := t.TempDir()
	value := "/go/bin:/bin:/usr/bin"
	must(t, writeProfile(root, []string{"PATH=" + value, "ODD=it's $HOME `x`", "not a name=1", "alone"}))
	output, err := exec.Command("sh", "-c", ". "+filepath.Join(root, profileFile)+`; printf '%s|%s' "$PATH" "$ODD"`).CombinedOutput()
	if want := value + "|it's $HOME `x`"; err != nil || string(output) != want {
		t.Errorf("a shell reads %q, %v, want %q", output, err, want)
	}
	must(t, writeProfile(root, nil))
	if _, err := os.Stat(filepath.Join(root, profileFile)); !os.IsNotExist(err) {
		t.Errorf("without an environment the file stays: %v", err)
	}
}

func TestRenderSSHDConfig(t *testing.T) {
	if strings.Contains(RenderSSHDConfig("root:*:1:::::\n", true), "UsePAM") {
		t.Error("PAM without need")
	}
	if !strings.Contains(RenderSSHDConfig("daemon:*::\nroot:!locked:1:::::\n", true), "UsePAM yes\n") {
		t.Error("a locked root could not log in")
	}
}

func TestFindInit(t *testing.T) {
	cases := map[string]struct {
		files map[string]string
		want  Found
	}{
		"systemd":           {map[string]string{"usr/lib/systemd/systemd": "x", "sbin/init": "->/lib/systemd/systemd", "lib": "->usr/lib"}, Found{api.InitSystemd, "/sbin/init"}},
		"merged systemd":    {map[string]string{"usr/lib/systemd/systemd": "x", "usr/sbin/init": "->../lib/systemd/systemd", "sbin": "->usr/sbin"}, Found{api.InitSystemd, "/sbin/init"}},
		"openrc on busybox": {map[string]string{"bin/busybox": "x", "sbin/init": "->/bin/busybox", "sbin/openrc": "x"}, Found{api.InitOpenRC, "/sbin/init"}},
		"busybox alone":     {map[string]string{"bin/busybox": "x", "sbin/init": "->/bin/busybox"}, Found{Kind: api.InitNone}},
		"sysvinit":          {map[string]string{"sbin/init": "x"}, Found{api.InitOther, "/sbin/init"}},
		"nothing":           {map[string]string{"bin/sh": "x"}, Found{Kind: api.InitNone}},
		"a dangling link":   {map[string]string{"sbin/init": "->/no/such"}, Found{Kind: api.InitNone}},
		"a loop":            {map[string]string{"sbin/init": "->init"}, Found{Kind: api.InitNone}},
		"not executable":    {map[string]string{"sbin/init": "-"}, Found{Kind: api.InitNone}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, content := range test.files {
				path := filepath.Join(root, file)
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				if target, isLink := strings.CutPrefix(content, "->"); isLink {
					must(t, os.Symlink(target, path))
					continue
				}
				mode := os.FileMode(0o755)
				if content == "-" {
					mode = 0o644
				}
				must(t, os.WriteFile(path, nil, mode))
			}
			if got := FindInit(root); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	valid := func() api.Configure {
		copied := *network
		return api.Configure{
			Hostname: "sandbox", MachineID: strings.Repeat("0f", 16), Init: "auto", Network: &copied,
			Disks: api.Disks{Base: api.Disk{Device: "/dev/vda", Type: "squashfs"}, Data: api.Disk{Device: "/dev/vdc", Type: "ext4"}},
		}
	}
	must(t, Validate(valid()))
	breaks := map[string]func(*api.Configure){
		"hostname":   func(c *api.Configure) { c.Hostname = "a b" },
		"machine id": func(c *api.Configure) { c.MachineID = "short" },
		"init":       func(c *api.Configure) { c.Init = "maybe" },
		"device":     func(c *api.Configure) { c.Disks.Base.Device = "/dev/../etc/passwd" },
		"modules":    func(c *api.Configure) { c.Disks.Modules = &api.Disk{Device: "vdb", Type: "squashfs"} },
		"type":       func(c *api.Configure) { c.Disks.Data.Type = "" },
		"address":    func(c *api.Configure) { c.Network.Address = "172.16.0.5" },
		"gateway":    func(c *api.Configure) { c.Network.Gateway = "::1" },
		"resolver":   func(c *api.Configure) { c.Network.Resolvers = []string{"1.1.1.1\noptions x"} },
		"mac":        func(c *api.Configure) { c.Network.MAC = "" },
		"search":     func(c *api.Configure) { c.Network.Search = "vm\nnameserver 6.6.6.6" },
		"key":        func(c *api.Configure) { c.SSH.AuthorizedKeys = []string{"ssh-ed25519 A\nssh-ed25519 B"} },
	}
	for name, change := range breaks {
		body := valid()
		change(&body)
		if err := Validate(body); err == nil || api.AsError(err).Code != api.BadRequest {
			t.Errorf("%s: %v, want bad_request", name, err)
		}
	}
}

func TestParseSuperblock(t *testing.T) {
	superblock := make([]byte, superblockSize)
	if _, _, err := parseSuperblock(superblock); err == nil {
		t.Error("zeros are a file system")
	}
	binary.LittleEndian.PutUint16(superblock[offsetMagic:], ext4Magic)
	binary.LittleEndian.PutUint32(superblock[offsetBlocksLow:], 1000)
	binary.LittleEndian.PutUint32(superblock[offsetBlocksHigh:], 1)
	binary.LittleEndian.PutUint32(superblock[offsetLogBlockSize:], 2)
	if blocks, size, err := parseSuperblock(superblock); err != nil || blocks != 1000 || size != 4096 {
		t.Errorf("%d blocks of %d, %v", blocks, size, err)
	}
	binary.LittleEndian.PutUint32(superblock[offsetFeatures:], incompatible64Bit)
	if blocks, _, _ := parseSuperblock(superblock); blocks != 1<<32+1000 {
		t.Errorf("%d blocks", blocks)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

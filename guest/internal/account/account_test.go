package account

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func root(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"passwd": "# comment\nroot:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/usr/bin/fish\nbad:x:y:z\nweb:x:33:33::relative:\n",
		"group":  "root:x:0:\ndocker:x:999:ann,root\nusers:x:100:annabel\nann:x:1000:ann\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLookup(t *testing.T) {
	cases := map[string]User{
		"root":       {Name: "root", Groups: []uint32{0, 999}, Home: "/root", Shell: "/bin/bash"},
		"0":          {Name: "root", Groups: []uint32{0, 999}, Home: "/root", Shell: "/bin/bash"},
		"ann":        {Name: "ann", UID: 1000, GID: 1000, Groups: []uint32{1000, 999}, Home: "/home/ann", Shell: "/usr/bin/fish"},
		"ann:docker": {Name: "ann", UID: 1000, GID: 999, Groups: []uint32{999, 1000}, Home: "/home/ann", Shell: "/usr/bin/fish"},
		"web":        {Name: "web", UID: 33, GID: 33, Groups: []uint32{33}, Home: "/", Shell: "/bin/sh"},
		"4242:7":     {Name: "4242", UID: 4242, GID: 7, Groups: []uint32{7}, Home: "/", Shell: "/bin/sh"},
	}
	directory := root(t)
	for spec, want := range cases {
		got, err := Lookup(directory, spec)
		if err != nil || got.Name != want.Name || got.UID != want.UID || got.GID != want.GID || got.Home != want.Home || got.Shell != want.Shell || !slices.Equal(got.Groups, want.Groups) {
			t.Errorf("%s: got %+v, %v, want %+v", spec, got, err, want)
		}
	}
	for _, spec := range []string{"nobody-knows", "ann:nogroup", "", "bad", "-1"} {
		if user, err := Lookup(directory, spec); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: got %+v, %v, want unknown", spec, user, err)
		}
	}
	if user, err := Lookup(t.TempDir(), "root"); err != nil || user.Home != "/root" || user.Shell != "/bin/sh" {
		t.Errorf("root of an image without users: %+v, %v", user, err)
	}
}

func TestLoginCommand(t *testing.T) {
	for shell, want := range map[string]string{"/bin/bash": "/bin/bash", "/usr/bin/fish": "/bin/sh", "/usr/sbin/nologin": "/bin/sh", "/bin/ash": "/bin/ash"} {
		got := LoginCommand(User{Shell: shell}, []string{"echo", "a b"})
		if expected := []string{want, "-lc", `exec "$@"`, want, "echo", "a b"}; !slices.Equal(got, expected) {
			t.Errorf("%s: %q", shell, got)
		}
	}
}

func TestEnviron(t *testing.T) {
	environ := LoginEnviron(User{Name: "ann", Home: "/home/ann", Shell: "/bin/sh"})
	environ.SetAll([]string{"PATH=/image", "X=1=2", "=odd", "alone"})
	environ.Set("X", "")
	got := environ.List()
	want := []string{"HOME=/home/ann", "USER=ann", "LOGNAME=ann", "SHELL=/bin/sh", "PATH=/image", "LANG=C.UTF-8", "X="}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

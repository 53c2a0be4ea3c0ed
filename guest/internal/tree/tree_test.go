package tree

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
)

func TestListAndIdentify(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, "a b", "hello\n", 0o644)
	write(t, directory, "bin/run", "", 0o755)
	write(t, directory, "odd\xff", "x", 0o644)
	write(t, directory, ".git/config", "secret", 0o644)
	write(t, directory, ".banger-"+strings.Repeat("A", 26)+"-1", "half", 0o644)
	write(t, directory, "bin/.banger-"+strings.Repeat("A", 26)+"-2/file", "half", 0o644)
	write(t, directory, "nested/.git/HEAD", "ref", 0o644)
	write(t, directory, "nested/file", "left out", 0o644)
	must(t, os.Symlink("/etc/passwd", filepath.Join(directory, "link")))
	must(t, unix.Mkfifo(filepath.Join(directory, "fifo"), 0o600))
	want := []string{
		"a b file 100644 6 ",
		"bin/run file 100755 0 ",
		"link symlink 120000 11 ",
		"nested repository  0 ",
		"odd\xff file 100644 1 ",
	}
	if got := collect(t, func(tell func(api.TreeEntry) error) error { return List(directory, NoStamps, tell) }); !reflect.DeepEqual(got, want) {
		t.Errorf("list\n%q, want\n%q", got, want)
	}
	names := []string{"a b", "bin/run", "link", "fifo", "gone", "a b/under", "odd\xff"}
	identified := []string{
		"a b file 100644 6 ce013625030ba8dba906f756967f9e9ca394464a",
		"bin/run file 100755 0 e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
		"link symlink 120000 11 3594e94c04db171e2767224db355f514b13715c5",
		"odd\xff file 100644 1 c1b0730e0133447badcfd47fd144e254807b06e1",
	}
	got := collect(t, func(tell func(api.TreeEntry) error) error { return Identify(directory, names, tell) })
	if !reflect.DeepEqual(got, identified) {
		t.Errorf("identified\n%q, want\n%q", got, identified)
	}
}

func TestNamesStayBelow(t *testing.T) {
	for _, name := range []string{"", "..", "/etc/passwd", "a/../../b", "nul\x00"} {
		var problem *api.Error
		if _, err := Below("/root/repo", name); !errors.As(err, &problem) || problem.Code != api.BadRequest {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func collect(t *testing.T, walk func(func(api.TreeEntry) error) error) []string {
	t.Helper()
	var lines []string
	must(t, walk(func(entry api.TreeEntry) error {
		lines = append(lines, entry.Path+string(entry.Path64)+" "+entry.Type+" "+entry.Mode+" "+itoa(entry.Size)+" "+entry.ID)
		return nil
	}))
	return lines
}

func itoa(number int64) string {
	if number < 10 {
		return string(rune('0' + number))
	}
	return itoa(number/10) + itoa(number%10)
}

func write(t *testing.T, directory, name, content string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(directory, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), mode))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRootIsADirectory(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, "moved/f", "x", 0o644)
	for link, target := range map[string]string{"to-moved": "moved", "to-file": "moved/f", "to-nothing": "nothing", "loop": "loop"} {
		must(t, os.Symlink(target, filepath.Join(directory, link)))
	}
	for name, code := range map[string]api.Code{
		"moved": "", "to-moved": "", "moved/f": api.NotFound, "moved/f/g": api.NotFound, "to-file": api.NotFound, "to-nothing": api.NotFound,
		"gone": api.NotFound, "loop": api.NotFound,
	} {
		root, err := Root(filepath.Join(directory, name))
		var problem *api.Error
		if code != "" && (!errors.As(err, &problem) || problem.Code != code) || code == "" && (err != nil || filepath.Base(root) != "moved") {
			t.Errorf("%s: %q, %v", name, root, err)
		}
	}
	if _, err := Root("relative"); err == nil {
		t.Error("a relative path has a root")
	}
}

func TestListOfWhatGoesMeanwhile(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "repo")
	write(t, directory, "a", "x", 0o644)
	write(t, directory, "b/c", "x", 0o644)
	err := List(directory, NoStamps, func(api.TreeEntry) error { return os.Rename(directory, directory+"-moved") })
	if err == nil {
		t.Error("a tree that was moved away has a list")
	}
	must(t, os.WriteFile(directory, nil, 0o644))
	if err := List(directory, NoStamps, func(api.TreeEntry) error { return nil }); err == nil {
		t.Error("a file has a list")
	}
}

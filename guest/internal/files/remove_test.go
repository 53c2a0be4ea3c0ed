package files

import (
	"os"
	"path/filepath"
	"testing"

	"banger/guest/internal/api"
)

func TestRemove(t *testing.T) {
	outside := t.TempDir()
	root := filepath.Join(outside, "root")
	must(t, os.MkdirAll(filepath.Join(root, "a/b/c"), 0o755))
	must(t, os.MkdirAll(filepath.Join(root, "empty"), 0o755))
	must(t, os.MkdirAll(filepath.Join(outside, "elsewhere"), 0o755))
	for _, name := range []string{"root/a/b/c/gone", "root/a/kept", "root/plain", "elsewhere/file"} {
		must(t, os.WriteFile(filepath.Join(outside, name), nil, 0o600))
	}
	must(t, os.Symlink("../elsewhere", filepath.Join(root, "link")))
	must(t, os.Symlink("nowhere", filepath.Join(root, "dangling")))
	done, err := Remove(root, []string{"a/b/c/gone", "missing", "link/file", "plain/below", "empty", "dangling", "a"}, nil)
	must(t, err)
	if done.Files != 3 {
		t.Errorf("%+v", done)
	}
	for name, want := range map[string]bool{
		"root/a/b": false, "root/a/kept": true, "root/empty": false, "root/dangling": false, "root/plain": true, "elsewhere/file": true,
	} {
		if _, err := os.Lstat(filepath.Join(outside, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"../elsewhere/file", "/etc/passwd", "", ".", "a/.."} {
		if _, err := Remove(root, []string{name}, nil); err == nil || api.AsError(err).Code != api.BadRequest {
			t.Errorf("%q: %v", name, err)
		}
	}
}

package tree

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"banger/guest/internal/api"
)

func TestStampsFollowChanges(t *testing.T) {
	directory := t.TempDir()
	changes := map[string]func(path string){
		"content": func(path string) { must(t, os.WriteFile(path, []byte("other"), 0o644)) },
		"mode":    func(path string) { must(t, os.Chmod(path, 0o755)) },
		"times kept": func(path string) {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.WriteFile(path, []byte("equal"), 0o644))
			must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		},
		"another in its place": func(path string) {
			must(t, os.Rename(path, path+".old"))
			must(t, os.Rename(filepath.Join(directory, "aside"), path))
		},
	}
	write(t, directory, "aside", "first", 0o644)
	for name := range changes {
		write(t, directory, name, "first", 0o644)
	}
	first := settledStamps(t, directory)
	second := settledStamps(t, directory)
	for name, change := range changes {
		if first[name] == "" || first[name] != second[name] {
			t.Errorf("%s: an untouched file has the stamps %q and %q", name, first[name], second[name])
		}
		change(filepath.Join(directory, name))
	}
	for name := range changes {
		if stamps(t, directory)[name] == first[name] {
			t.Errorf("%s: the stamp is still %q", name, first[name])
		}
	}
}

func TestYoungFilesHaveNoStamp(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, "young", "x", 0o644)
	info, err := os.Lstat(filepath.Join(directory, "young"))
	must(t, err)
	if stamp := stampOf(info, info.ModTime().Add(settled/2)); stamp != "" {
		t.Errorf("a file changed a moment ago has the stamp %q", stamp)
	}
	if stamp := stampOf(info, info.ModTime().Add(-time.Hour)); stamp != "" {
		t.Errorf("a file of the future has the stamp %q", stamp)
	}
}

// settledStamps waits until every file has a stamp.
func settledStamps(t *testing.T, directory string) map[string]string {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		found, missing := stamps(t, directory), false
		for _, stamp := range found {
			missing = missing || stamp == ""
		}
		if !missing {
			return found
		}
		if time.Now().After(deadline) {
			t.Fatalf("no stamps: %v", found)
		}
	}
}

func stamps(t *testing.T, directory string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, List(directory, true, func(entry api.TreeEntry) error {
		found[entry.Path] = entry.Stamp
		return nil
	}))
	return found
}

package tree

import (
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"syscall"
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

func TestStampsOfTheUnwritten(t *testing.T) {
	directory := t.TempDir()
	sent := time.Unix(1_600_000_000, 0)
	for _, name := range []string{"sent", "written since"} {
		write(t, directory, name, "first", 0o644)
		must(t, os.Chtimes(filepath.Join(directory, name), sent, sent))
	}
	write(t, directory, "written since", "other", 0o644)
	all := settledStamps(t, directory)
	found := map[string]string{}
	must(t, List(directory, UnwrittenStamps, func(entry api.TreeEntry) error {
		found[entry.Path] = entry.Stamp
		return nil
	}))
	if found["sent"] != all["sent"] || found["written since"] != "" {
		t.Errorf("the stamps are %v, of all %v", found, all)
	}
}

// TestStampsWhenTheClockJumps plays edits that keep size and mtime against lists, on a clock that is set at any moment: no two lists
// between which the file was edited have the same stamp.
func TestStampsWhenTheClockJumps(t *testing.T) {
	const tick = 10 * time.Millisecond
	random := rand.New(rand.NewSource(1))
	elapsed, offset := time.Duration(0), time.Duration(1_600_000_000)*time.Second
	changed, edits := elapsed+offset, 0
	editsAt := map[string]int{}
	for range 200_000 {
		elapsed += time.Duration(random.Int63n(int64(60 * time.Millisecond)))
		switch random.Intn(8) {
		case 0:
			offset += time.Duration(random.Int63n(int64(2*time.Second))) - time.Second
		case 1, 2:
			changed, edits = elapsed.Truncate(tick)+offset, edits+1
		default:
			status := &syscall.Stat_t{Size: 5, Ino: 7, Ctim: syscall.NsecToTimespec(int64(changed))}
			stamp := stampOf(fileInfo{status}, time.Unix(0, int64(elapsed+offset)))
			if before, known := editsAt[stamp]; known && stamp != "" && before != edits {
				t.Fatalf("edit %d looks as edit %d: %s", edits, before, stamp)
			}
			editsAt[stamp] = edits
		}
	}
	if len(editsAt) < 1000 {
		t.Errorf("only %d stamps", len(editsAt))
	}
}

type fileInfo struct{ status *syscall.Stat_t }

func (f fileInfo) Name() string       { return "file" }
func (f fileInfo) Size() int64        { return f.status.Size }
func (f fileInfo) Mode() fs.FileMode  { return 0o644 }
func (f fileInfo) ModTime() time.Time { return time.Unix(f.status.Mtim.Unix()) }
func (f fileInfo) IsDir() bool        { return false }
func (f fileInfo) Sys() any           { return f.status }

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
	must(t, List(directory, AllStamps, func(entry api.TreeEntry) error {
		found[entry.Path] = entry.Stamp
		return nil
	}))
	return found
}

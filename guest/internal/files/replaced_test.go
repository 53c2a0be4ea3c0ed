package files

import (
	"archive/tar"
	"bytes"
	"crypto/sha1" //nolint:gosec // Git names blobs by it.
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"banger/guest/internal/api"
	gittree "banger/guest/internal/tree"
)

func blob(content string) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)))
}

func with(header tar.Header, was string) tar.Header {
	header.PAXRecords = map[string]string{wasRecord: was}
	return header
}

// edits are what a guest may do between the sender's look and the write; each leaves something else than what was there.
var edits = map[string]func(t *testing.T, path string){
	"written":    func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("guest"), 0o644)) },
	"equal size": func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("BEFORE"), 0o644)) },
	"mode":       func(t *testing.T, path string) { must(t, os.Chmod(path, 0o755)) },
	"removed":    func(t *testing.T, path string) { must(t, os.Remove(path)) },
	"a symlink": func(t *testing.T, path string) {
		must(t, os.Remove(path))
		must(t, os.Symlink("before", path))
	},
	"a directory": func(t *testing.T, path string) {
		must(t, os.Remove(path))
		must(t, os.Mkdir(path, 0o755))
	},
	"a fifo": func(t *testing.T, path string) {
		must(t, os.Remove(path))
		makeFifo(t, path)
	},
}

func TestWhatChangedIsNotReplaced(t *testing.T) {
	for title, edit := range edits {
		t.Run(title, func(t *testing.T) {
			target := t.TempDir()
			must(t, os.WriteFile(filepath.Join(target, "f"), []byte("before"), 0o644))
			reader, writer := io.Pipe()
			done := make(chan error, 1)
			go func() {
				_, err := Extract(target, reader, self)
				_, _ = io.Copy(io.Discard, reader)
				done <- err
			}()
			archive := tar.NewWriter(writer)
			header := with(tar.Header{Name: "f", Typeflag: tar.TypeReg, Mode: 0o644, Size: 4}, "100644 "+blob("before"))
			must(t, archive.WriteHeader(&header))
			_, err := archive.Write([]byte("ho"))
			must(t, err)
			// The writer has begun with it.
			edit(t, filepath.Join(target, "f"))
			before := describeAll(t, target)
			_, err = archive.Write([]byte("st"))
			must(t, err)
			late := file("later")
			must(t, archive.WriteHeader(&late))
			must(t, archive.Close())
			must(t, writer.Close())
			if err := <-done; err == nil || api.AsError(err).Code != api.Changed {
				t.Errorf("got %v, want changed", err)
			}
			if after := describeAll(t, target); after != before {
				t.Errorf("there is\n%s, was\n%s", after, before)
			}
		})
	}
}

func TestWhatIsAsItWasIsReplaced(t *testing.T) {
	target := t.TempDir()
	must(t, os.WriteFile(filepath.Join(target, "f"), []byte("before"), 0o755))
	must(t, os.WriteFile(filepath.Join(target, "any"), []byte("before"), 0o600))
	must(t, os.Symlink("f", filepath.Join(target, "l")))
	headers := []tar.Header{
		with(file("f"), "100755 "+blob("before")), with(file("any"), blob("before")), with(file("l"), "120000 "+blob("f")),
		with(file("new"), "nothing"), with(file("d/new"), "nothing"), with(symlink("d/l", "new"), "nothing"),
	}
	_, err := Extract(target, archiveOf(t, headers...), self)
	must(t, err)
	for _, name := range []string{"f", "any", "l", "new", "d/new"} {
		content, err := os.ReadFile(filepath.Join(target, name))
		must(t, err)
		if string(content) != "content of "+name {
			t.Errorf("%s: %q", name, content)
		}
	}
}

func TestWhatIsThereMeanwhileIsNotReplaced(t *testing.T) {
	for _, was := range []string{"nothing", "100644 " + blob("other"), "100755 " + blob("before")} {
		target := t.TempDir()
		must(t, os.WriteFile(filepath.Join(target, "f"), []byte("before"), 0o644))
		_, err := Extract(target, archiveOf(t, with(file("f"), was)), self)
		if err == nil || api.AsError(err).Code != api.Changed {
			t.Errorf("%s: %v", was, err)
		}
	}
	gone := filepath.Join(t.TempDir(), "gone")
	_, err := Extract(gone, archiveOf(t, with(file("d/f"), blob("x"))), self)
	if err == nil || api.AsError(err).Code != api.Changed {
		t.Errorf("what went with its directory: %v", err)
	}
	_, err = Extract(gone, archiveOf(t, with(file("f"), "no sense")), self)
	if err == nil || api.AsError(err).Code != api.BadRequest {
		t.Errorf("%v", err)
	}
}

func TestWhatChangedIsNotRemoved(t *testing.T) {
	expected, err := gittree.ParseWas("100644 " + blob("before"))
	must(t, err)
	nothing, err := gittree.ParseWas("nothing")
	must(t, err)
	for title, edit := range edits {
		target := t.TempDir()
		must(t, os.WriteFile(filepath.Join(target, "f"), []byte("before"), 0o644))
		edit(t, filepath.Join(target, "f"))
		before := describeAll(t, target)
		_, err := Remove(target, []string{"f"}, []*gittree.Was{&expected})
		// What is gone is as it should be, and so is an empty directory.
		if title == "removed" || title == "a directory" {
			must(t, err)
			continue
		}
		if err == nil || api.AsError(err).Code != api.Changed || describeAll(t, target) != before {
			t.Errorf("%s: %v", title, err)
		}
	}
	target := t.TempDir()
	must(t, os.WriteFile(filepath.Join(target, "f"), []byte("before"), 0o644))
	must(t, os.Mkdir(filepath.Join(target, "d"), 0o755))
	_, err = Remove(target, []string{"d", "f"}, []*gittree.Was{&nothing, &nothing})
	if err == nil || api.AsError(err).Code != api.Changed || describeAll(t, target) != "f -rw-r--r-- before\n" {
		t.Errorf("%v, %s", err, describeAll(t, target))
	}
	done, err := Remove(target, []string{"f"}, []*gittree.Was{&expected})
	must(t, err)
	if done.Files != 1 {
		t.Errorf("%+v", done)
	}
}

func describeAll(t *testing.T, directory string) string {
	t.Helper()
	var lines bytes.Buffer
	entries, err := os.ReadDir(directory)
	must(t, err)
	for _, entry := range entries {
		info, err := entry.Info()
		must(t, err)
		content := []byte(nil)
		if info.Mode().IsRegular() {
			content, err = os.ReadFile(filepath.Join(directory, entry.Name()))
			must(t, err)
		}
		if entry.Name()[0] != '.' {
			fmt.Fprintf(&lines, "%s %s %s\n", entry.Name(), info.Mode(), content)
		}
	}
	return lines.String()
}

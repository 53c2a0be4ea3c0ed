package files

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"banger/guest/internal/unfinished"
)

// extractIn makes this test binary an agent that extracts what it is given, to be killed.
const extractIn = "BANGER_TEST_EXTRACT_IN"

func TestMain(m *testing.M) {
	if target := os.Getenv(extractIn); target != "" {
		_, _ = Extract(target, os.Stdin, self)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestKilledWriterLeavesNothingHalf(t *testing.T) {
	cases := map[string]struct{ name, before string }{
		"the tree is new":      {name: "new/f"},
		"a directory is new":   {name: "new/deep/f", before: "kept"},
		"the file is new":      {name: "f", before: "kept"},
		"the file is replaced": {name: "f", before: "f"},
	}
	for title, test := range cases {
		t.Run(title, func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "target")
			if test.before != "" {
				must(t, os.Mkdir(target, 0o755))
				must(t, os.WriteFile(filepath.Join(target, test.before), []byte("before"), 0o600))
			}
			killAmid(t, target, test.name)
			// Under the name itself, where it is to be or where it was.
			if names := visible(t, filepath.Dir(target)); strings.Join(names, " ") != strings.TrimSuffix("target/"+test.before, "target/") {
				t.Errorf("there are %q", names)
			}
			if content, err := os.ReadFile(filepath.Join(target, test.name)); err == nil && string(content) != "before" {
				t.Errorf("%s holds %d bytes", test.name, len(content))
			}
			if !hasUnfinished(t, filepath.Dir(target)) {
				t.Fatal("the writer was not killed in the middle")
			}
			_, err := Extract(target, archiveOf(t, file(test.name)), self)
			must(t, err)
			content, err := os.ReadFile(filepath.Join(target, test.name))
			must(t, err)
			if string(content) != "content of "+test.name {
				t.Errorf("%q", content)
			}
			if hasUnfinished(t, filepath.Dir(target)) {
				t.Error("what it left is still there")
			}
		})
	}
}

// killAmid kills a writer that has been given half of a large file.
func killAmid(t *testing.T, target, name string) {
	t.Helper()
	writer := exec.Command(os.Args[0])
	writer.Env = append(os.Environ(), extractIn+"="+target)
	input, err := writer.StdinPipe()
	must(t, err)
	must(t, writer.Start())
	archive := tar.NewWriter(input)
	must(t, archive.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1 << 20}))
	_, err = archive.Write(bytes.Repeat([]byte("x"), 1<<19))
	must(t, err)
	deadline := time.Now().Add(10 * time.Second)
	for !hasUnfinished(t, filepath.Dir(target)) && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	must(t, writer.Process.Kill())
	_ = writer.Wait()
}

func TestUnfinishedNamesOfThisAgentStay(t *testing.T) {
	target := t.TempDir()
	own, other := unfinished.Name(), ".banger-"+strings.Repeat("A", 26)+"-7"
	for _, name := range []string{own, other, ".banger-notes", ".bangerrc"} {
		must(t, os.WriteFile(filepath.Join(target, name), nil, 0o600))
	}
	_, err := Extract(target, archiveOf(t, file("f")), self)
	must(t, err)
	for name, wanted := range map[string]bool{own: true, other: false, ".banger-notes": true, ".bangerrc": true} {
		if _, err := os.Lstat(filepath.Join(target, name)); (err == nil) != wanted {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefusedArchiveLeavesNothingUnfinished(t *testing.T) {
	outside := t.TempDir()
	_, err := Extract(filepath.Join(outside, "target"), archiveOf(t, file("a/b"), file("../c")), self)
	if err == nil {
		t.Error("it was taken")
	}
	if entries, _ := os.ReadDir(outside); len(entries) != 0 {
		t.Errorf("there are %v", entries)
	}
}

func TestDirectoriesComeInTheOrderOfTheArchive(t *testing.T) {
	target := t.TempDir()
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := Extract(target, reader, self)
		done <- err
	}()
	archive := tar.NewWriter(writer)
	for _, name := range []string{"refs/new/branch", "HEAD"} {
		must(t, archive.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}))
	}
	must(t, archive.Flush())
	deadline := time.Now().Add(10 * time.Second)
	for len(visible(t, target)) < 2 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if names := visible(t, target); len(names) != 2 {
		t.Errorf("in the middle there are %q", names)
	}
	must(t, archive.WriteHeader(&tar.Header{Name: "refs/new/other", Typeflag: tar.TypeReg, Mode: 0o644}))
	must(t, archive.Close())
	must(t, writer.Close())
	must(t, <-done)
	if names := strings.Join(visible(t, target), " "); names != "HEAD refs/new/branch refs/new/other" {
		t.Error(names)
	}
}

func TestDirectoryMadeMeanwhileIsKept(t *testing.T) {
	target := t.TempDir()
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := Extract(target, reader, self)
		done <- err
	}()
	archive := tar.NewWriter(writer)
	must(t, archive.WriteHeader(&tar.Header{Name: "new/f", Typeflag: tar.TypeReg, Mode: 0o644}))
	must(t, archive.Flush())
	deadline := time.Now().Add(10 * time.Second)
	for !hasUnfinished(t, target) && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	must(t, os.Mkdir(filepath.Join(target, "new"), 0o755))
	must(t, os.WriteFile(filepath.Join(target, "new/guest"), nil, 0o600))
	_ = archive.Close()
	_ = writer.Close()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "new: made by somebody else") {
		t.Error(err)
	}
	if names := strings.Join(visible(t, target), " "); names != "new/guest" || hasUnfinished(t, target) {
		t.Error(names)
	}
}

func TestRemoveTakesWhatWasLeftUnfinished(t *testing.T) {
	target := t.TempDir()
	must(t, os.Mkdir(filepath.Join(target, "d"), 0o755))
	for _, name := range []string{"f", ".banger-" + strings.Repeat("A", 26) + "-7"} {
		must(t, os.WriteFile(filepath.Join(target, "d", name), nil, 0o600))
	}
	_, err := Remove(target, []string{"d/f"}, nil)
	must(t, err)
	if _, err := os.Lstat(filepath.Join(target, "d")); err == nil {
		t.Error("the directory is still there")
	}
}

// visible returns the files below a directory that are not unfinished.
func visible(t *testing.T, directory string) []string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(directory, func(path string, entry os.DirEntry, err error) error {
		if err == nil && unfinished.Is(entry.Name()) && entry.IsDir() {
			return filepath.SkipDir
		}
		if err == nil && !entry.IsDir() && !unfinished.Is(entry.Name()) {
			name, _ := filepath.Rel(directory, path)
			names = append(names, name)
		}
		return err
	}))
	return names
}

func hasUnfinished(t *testing.T, directory string) bool {
	t.Helper()
	found := false
	_ = filepath.WalkDir(directory, func(_ string, entry os.DirEntry, err error) error {
		found = found || err == nil && unfinished.Is(entry.Name())
		return nil
	})
	return found
}

// BenchmarkExtractNew is the first copy of a repository.
func BenchmarkExtractNew(b *testing.B) {
	var wire bytes.Buffer
	writer := tar.NewWriter(&wire)
	content := bytes.Repeat([]byte("x"), 2048)
	for index := range 10_000 {
		name := fmt.Sprintf("d%02d/e%d/f%d", index/500, index/50, index)
		_ = writer.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content)), ModTime: time.Unix(1, 0)})
		_, _ = writer.Write(content)
	}
	_ = writer.Close()
	for b.Loop() {
		if _, err := Extract(filepath.Join(b.TempDir(), "new"), bytes.NewReader(wire.Bytes()), self); err != nil {
			b.Fatal(err)
		}
	}
}

package files

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"banger/guest/internal/api"
)

var self = &Owner{UID: os.Geteuid(), GID: os.Getegid()}

func archiveOf(t *testing.T, headers ...tar.Header) io.Reader {
	t.Helper()
	var wire bytes.Buffer
	writer := tar.NewWriter(&wire)
	for _, header := range headers {
		content := []byte(nil)
		if header.Typeflag == tar.TypeReg {
			content = []byte("content of " + header.Name)
			header.Size = int64(len(content))
		}
		if header.Mode == 0 {
			header.Mode = 0o755
		}
		if err := writer.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return &wire
}

func file(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
func dir(name string) tar.Header  { return tar.Header{Name: name, Typeflag: tar.TypeDir} }
func symlink(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
}
func hardLink(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to}
}

func TestHostileEntriesAreRefused(t *testing.T) {
	cases := map[string][]tar.Header{
		"dot dot":                   {file("../escaped")},
		"dot dot inside":            {file("a/../../escaped")},
		"harmless dot dot":          {file("a/../b")},
		"absolute":                  {file("/escaped")},
		"through a new symlink":     {symlink("out", ".."), file("out/escaped")},
		"through an old symlink":    {file("existing/escaped")},
		"through a deep symlink":    {dir("a"), symlink("a/out", "../.."), file("a/out/escaped")},
		"directory over a symlink":  {symlink("out", ".."), dir("out/")},
		"mode through a symlink":    {symlink("out", ".."), dir("out/escaped/")},
		"hard link out":             {hardLink("link", "../secret")},
		"hard link to absolute":     {hardLink("link", "/etc/passwd")},
		"hard link through symlink": {hardLink("link", "existing/secret")},
		"hard link to a symlink":    {symlink("out", "../secret"), hardLink("link", "out")},
		"device":                    {{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		"fifo":                      {{Name: "fifo", Typeflag: tar.TypeFifo}},
		"file over the directory":   {file(".")},
		"file below a file":         {file("a"), file("a/b")},
	}
	for name, headers := range cases {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			target := filepath.Join(outside, "target")
			must(t, os.Mkdir(target, 0o755))
			must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
			must(t, os.Symlink(outside, filepath.Join(target, "existing")))
			_, err := Extract(target, archiveOf(t, headers...), self)
			if known := api.AsError(err); err == nil || known.Code != api.BadRequest {
				t.Errorf("got %v, want bad_request", err)
			} else if last := headers[len(headers)-1].Name; !strings.Contains(known.Message, last) {
				t.Errorf("%q does not name %q", known.Message, last)
			}
			names, err := filepath.Glob(outside + "/*")
			must(t, err)
			if len(names) != 2 {
				t.Errorf("beside the target there are %v", names)
			}
		})
	}
}

func TestExtractReplacesAndKeeps(t *testing.T) {
	outside := t.TempDir()
	target := filepath.Join(outside, "new", "target")
	must(t, os.MkdirAll(target, 0o755))
	elsewhere := filepath.Join(outside, "elsewhere")
	must(t, os.WriteFile(elsewhere, []byte("untouched"), 0o600))
	must(t, os.Symlink(elsewhere, filepath.Join(target, "link")))
	must(t, os.WriteFile(filepath.Join(target, "kept"), nil, 0o600))
	when := time.Unix(1_600_000_000, 0)
	readOnly := tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o555, ModTime: when}
	inside := file("d/deep/er/f")
	inside.Mode, inside.ModTime = 0o4751, when
	done, err := Extract(target, archiveOf(t, readOnly, inside, file("link"), hardLink("d2", "link"), symlink("abs", "/etc/passwd")), self)
	must(t, err)
	defer os.Chmod(filepath.Join(target, "d"), 0o755)
	if done.Files != 4 {
		t.Errorf("%+v", done)
	}
	content, err := os.ReadFile(elsewhere)
	must(t, err)
	if string(content) != "untouched" {
		t.Error("a file was written through a symlink in its place")
	}
	info, err := os.Stat(filepath.Join(target, "d/deep/er/f"))
	must(t, err)
	if info.Mode() != fs.ModeSetuid|0o751 || !info.ModTime().Equal(when) {
		t.Errorf("mode %s, time %s", info.Mode(), info.ModTime())
	}
	info, err = os.Stat(filepath.Join(target, "d"))
	must(t, err)
	if info.Mode().Perm() != 0o555 || !info.ModTime().Equal(when) {
		t.Errorf("directory: mode %s, time %s", info.Mode(), info.ModTime())
	}
	if _, err := os.Stat(filepath.Join(target, "kept")); err != nil {
		t.Error(err)
	}
}

func TestTruncatedArchiveLeavesNoHalfFile(t *testing.T) {
	whole, err := io.ReadAll(archiveOf(t, file("a"), file("b")))
	must(t, err)
	target := t.TempDir()
	must(t, os.WriteFile(filepath.Join(target, "b"), []byte("before"), 0o600))
	_, err = Extract(target, bytes.NewReader(whole[:1024+518]), self)
	if known := api.AsError(err); err == nil || known.Code != api.BadRequest {
		t.Errorf("got %v, want bad_request", err)
	}
	content, err := os.ReadFile(filepath.Join(target, "b"))
	must(t, err)
	if entries, _ := os.ReadDir(target); len(entries) != 2 || string(content) != "before" {
		t.Errorf("there are %v, and b holds %q", entries, content)
	}
}

func FuzzExtract(f *testing.F) {
	f.Add("a/../../x", "../..", byte(tar.TypeReg), byte(tar.TypeSymlink))
	f.Add("out", "..", byte(tar.TypeSymlink), byte(tar.TypeReg))
	f.Add("link", "/etc/passwd", byte(tar.TypeLink), byte(tar.TypeDir))
	f.Fuzz(func(t *testing.T, name, link string, kind, second byte) {
		outside := t.TempDir()
		target := filepath.Join(outside, "target")
		var wire bytes.Buffer
		writer := tar.NewWriter(&wire)
		headers := []tar.Header{
			{Name: name, Linkname: link, Typeflag: kind, Mode: 0o700},
			{Name: name + "/x", Linkname: name, Typeflag: second, Mode: 0o700},
			{Name: link, Linkname: name, Typeflag: second, Mode: 0o700},
		}
		for _, header := range headers {
			// What the writer refuses to encode cannot arrive in this form.
			_ = writer.WriteHeader(&header)
		}
		_ = writer.Close()
		_, _ = Extract(target, &wire, self)
		names, err := filepath.Glob(outside + "/*")
		must(t, err)
		if len(names) > 1 || len(names) == 1 && names[0] != target {
			t.Errorf("%q to %q left %v", name, link, names)
		}
	})
}

func FuzzExtractBytes(f *testing.F) {
	f.Add([]byte(strings.Repeat("x", 512)))
	f.Fuzz(func(t *testing.T, wire []byte) {
		outside := t.TempDir()
		_, _ = Extract(filepath.Join(outside, "target"), bytes.NewReader(wire), self)
		names, err := filepath.Glob(outside + "/*")
		must(t, err)
		if len(names) > 1 {
			t.Errorf("left %v", names)
		}
	})
}

func TestArchiveLeavesOutWhatIsNoFile(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	must(t, os.MkdirAll(filepath.Join(root, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "sub", "f"), []byte("data"), 0o600))
	must(t, os.Symlink("sub/f", filepath.Join(root, "l")))
	makeFifo(t, filepath.Join(root, "fifo"))
	var wire bytes.Buffer
	must(t, Archive(root+"/", &wire))
	var names []string
	for reader := tar.NewReader(&wire); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		names = append(names, header.Name)
	}
	if got := strings.Join(names, " "); got != "tree/ tree/l tree/sub/ tree/sub/f" {
		t.Errorf("archive of %s", got)
	}
}

func TestNamesAreBytes(t *testing.T) {
	root := filepath.Join(t.TempDir(), "tree")
	odd := "\xff\n" + strings.Repeat("long", 40)
	must(t, os.Mkdir(root, 0o755))
	must(t, os.WriteFile(filepath.Join(root, odd), []byte("data"), 0o600))
	must(t, os.Symlink(odd, filepath.Join(root, "l")))
	var wire bytes.Buffer
	must(t, Archive(root, &wire))
	target := t.TempDir()
	_, err := Extract(target, &wire, self)
	must(t, err)
	content, err := os.ReadFile(filepath.Join(target, "tree", "l"))
	must(t, err)
	if string(content) != "data" {
		t.Errorf("%q", content)
	}
}

func TestStat(t *testing.T) {
	root := t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, "f"), []byte("data"), 0o640))
	must(t, os.Symlink(".", filepath.Join(root, "d")))
	must(t, os.Symlink("d/f", filepath.Join(root, "l")))
	must(t, os.Symlink("l/x", filepath.Join(root, "broken")))
	cases := map[string]api.FileStat{
		"f":      {Type: "file", Mode: 0o640, Size: 4},
		"d":      {Type: "symlink", Mode: 0o777, Size: 1, LeadsTo: "directory", RealPath64: []byte(root)},
		"l":      {Type: "symlink", Mode: 0o777, Size: 3, LeadsTo: "file", RealPath64: []byte(root + "/f")},
		"broken": {Type: "symlink", Mode: 0o777, Size: 3, LeadsTo: "nothing"},
	}
	for name, want := range cases {
		got, err := Stat(filepath.Join(root, name))
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	for _, name := range []string{"none", "f/x"} {
		if _, err := Stat(filepath.Join(root, name)); err == nil || api.AsError(err).Code != api.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Stat("f"); err == nil || api.AsError(err).Code != api.BadRequest {
		t.Errorf("relative: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package files

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"

	"banger/guest/internal/directio"
)

func TestLargeFilesOfAnySizeAreWhole(t *testing.T) {
	for name, directory := range map[string]string{
		"on a disk":                         t.TempDir(),
		"where a direct write is not taken": memory(t, "tmpfs"),
		"where it only seems to be":         overlayOverRamfs(t),
	} {
		t.Run(name, func(t *testing.T) {
			if directory == "" {
				t.Skip("mounting takes root")
			}
			random := rand.New(rand.NewPCG(3, 4))
			var writer directWriter
			defer writer.close()
			for _, size := range []int{0, 1, directio.Unit - 1, directio.Unit, directBuffer, directBuffer + 1, 3*directBuffer + directio.Unit, random.IntN(4 * directBuffer)} {
				writeAndCompare(t, &writer, filepath.Join(directory, "file"), someBytes(random, size))
			}
		})
	}
}

func someBytes(random *rand.Rand, size int) []byte {
	content := make([]byte, size)
	for at := 0; at < size; at += 1 + random.IntN(700) {
		content[at] = byte(random.IntN(256))
	}
	return content
}

func writeAndCompare(t *testing.T, writer *directWriter, path string, content []byte) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	written, err := writer.copy(int(file.Fd()), iotest.HalfReader(bytes.NewReader(content)))
	closeErr := file.Close()
	found, readErr := os.ReadFile(path)
	if err != nil || closeErr != nil || readErr != nil || written != int64(len(content)) || !bytes.Equal(found, content) {
		t.Errorf("%d bytes: wrote %d, %v, %v, %v", len(content), written, err, closeErr, readErr)
	}
}

// memory mounts a file system of memory; "" without the right to.
func memory(t *testing.T, kind string) string {
	t.Helper()
	directory := t.TempDir()
	if err := unix.Mount(kind, directory, kind, 0, ""); err != nil {
		return ""
	}
	t.Cleanup(func() { _ = unix.Unmount(directory, unix.MNT_DETACH) })
	return directory
}

// overlayOverRamfs takes the flag of a direct file and refuses its writes.
func overlayOverRamfs(t *testing.T) string {
	t.Helper()
	upper := memory(t, "ramfs")
	if upper == "" {
		return ""
	}
	for _, name := range []string{"lower", "upper", "work"} {
		if err := os.Mkdir(filepath.Join(upper, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	merged := t.TempDir()
	options := "lowerdir=" + upper + "/lower,upperdir=" + upper + "/upper,workdir=" + upper + "/work"
	if err := unix.Mount("overlay", merged, "overlay", 0, options); err != nil {
		return ""
	}
	t.Cleanup(func() { _ = unix.Unmount(merged, unix.MNT_DETACH) })
	return merged
}

func TestLargeFileThatBreaksOff(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var writer directWriter
	defer writer.close()
	broken := io.MultiReader(bytes.NewReader(make([]byte, directBuffer+5)), iotest.ErrReader(io.ErrUnexpectedEOF))
	if written, err := writer.copy(int(file.Fd()), broken); !errors.Is(err, io.ErrUnexpectedEOF) || written != directBuffer+5 {
		t.Errorf("wrote %d, %v", written, err)
	}
}

func TestLargeFileWithoutSpace(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	var writer directWriter
	defer writer.close()
	if _, err := writer.copy(int(full.Fd()), bytes.NewReader(make([]byte, directBuffer))); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v", err)
	}
}

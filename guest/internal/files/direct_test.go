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
)

func TestLargeFilesOfAnySizeAreWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var writer directWriter
	defer writer.close()
	// Of the disk, which takes direct writes, and of memory, which on older kernels does not.
	for _, directory := range []string{t.TempDir(), "/dev/shm"} {
		for _, size := range []int{0, 1, directUnit - 1, directUnit, directBuffer, directBuffer + 1, 3*directBuffer + directUnit, random.IntN(4 * directBuffer)} {
			content := make([]byte, size)
			for at := 0; at < size; at += 1 + random.IntN(700) {
				content[at] = byte(random.IntN(256))
			}
			path := filepath.Join(directory, "banger-direct-test")
			file, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			written, err := writer.copy(int(file.Fd()), iotest.HalfReader(bytes.NewReader(content)))
			_ = file.Close()
			found, readErr := os.ReadFile(path)
			_ = os.Remove(path)
			if err != nil || readErr != nil || written != int64(size) || !bytes.Equal(found, content) {
				t.Errorf("%d bytes in %s: wrote %d, %v, %v", size, directory, written, err, readErr)
			}
		}
	}
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

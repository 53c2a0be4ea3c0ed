package files

import (
	"testing"

	"golang.org/x/sys/unix"
)

func makeFifo(t *testing.T, name string) {
	t.Helper()
	must(t, unix.Mkfifo(name, 0o600))
}

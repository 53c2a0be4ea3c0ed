// Package unfinished names what is not whole yet, so that what an agent that was killed left is told from what is being made now.
package unfinished

import (
	"crypto/rand"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const prefix = ".banger-"

var (
	pattern  = regexp.MustCompile(`^\.banger-([A-Z2-7]{26})-[0-9]+$`)
	lifetime = rand.Text()
	serial   atomic.Uint64
)

// Name returns one that nothing has had.
func Name() string { return fmt.Sprintf("%s%s-%d", prefix, lifetime, serial.Add(1)) }

// Is tells whether something with this name is not whole.
func Is(name string) bool {
	return strings.HasPrefix(name, prefix) && pattern.MatchString(name)
}

// Sweep removes what agents that are gone left in an open directory, and answers whether there was anything. It is best effort:
// such names hold nobody up.
func Sweep(directory *os.File) bool {
	// The directory may be open as a path alone, which cannot be read.
	fd, err := unix.Openat(int(directory.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	opened := os.NewFile(uintptr(fd), directory.Name())
	defer opened.Close()
	left := leftIn(opened)
	for _, name := range left {
		Remove(opened, name)
	}
	return len(left) > 0
}

// Remove removes a file or a tree with such a name from an open directory.
func Remove(directory *os.File, name string) {
	_ = os.RemoveAll(fmt.Sprintf("/proc/self/fd/%d/%s", directory.Fd(), name))
}

func leftIn(directory *os.File) []string {
	var left []string
	for {
		names, err := directory.Readdirnames(1000)
		for _, name := range names {
			if Is(name) && pattern.FindStringSubmatch(name)[1] != lifetime {
				left = append(left, name)
			}
		}
		if err != nil || len(names) == 0 {
			return left
		}
	}
}

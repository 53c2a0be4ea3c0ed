package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ModulesDirectory is where the initramfs keeps the kernel modules and their order.
const ModulesDirectory = "/modules"

// LoadModules loads the modules named in directory's file "order", in that order, and returns what went wrong. A name
// without a file is skipped: kernels build different things in.
func LoadModules(directory string) error {
	order, err := os.ReadFile(filepath.Join(directory, "order"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var problems []error
	for _, name := range ParseModuleOrder(string(order)) {
		err := loadModule(filepath.Join(directory, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.EEXIST) {
			problems = append(problems, fmt.Errorf("load module %s: %w", name, err))
		}
	}
	return errors.Join(problems...)
}

// ParseModuleOrder returns the module file names of an order file: one a line, blank lines and # comments left out, and
// anything that is not a plain file name.
func ParseModuleOrder(content string) []string {
	var names []string
	for line := range strings.Lines(content) {
		name := strings.TrimSpace(line)
		if name == "" || strings.HasPrefix(name, "#") || name != filepath.Base(name) || name == ".." || name == "." {
			continue
		}
		names = append(names, name)
	}
	return names
}

func loadModule(file string) error {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.FinitModule(fd, "", 0)
}

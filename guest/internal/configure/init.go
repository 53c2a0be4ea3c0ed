package configure

import (
	"os"
	"path/filepath"
	"strings"

	"banger/guest/internal/api"
)

// Found is an image's init.
type Found struct {
	Kind api.Init
	Path string
}

// initPaths are the places the kernel looks in (init/main.c), but for the shell.
var initPaths = []string{"/sbin/init", "/etc/init", "/bin/init"}

// FindInit tells which init the root has. A busybox init without OpenRC counts as none: container images carry the link
// and nothing for it to start.
func FindInit(root string) Found {
	for _, path := range initPaths {
		target, err := resolveIn(root, path)
		if err != nil {
			continue
		}
		info, err := os.Stat(filepath.Join(root, target))
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		kind := classify(root, filepath.Base(target))
		if kind == api.InitNone {
			continue
		}
		return Found{Kind: kind, Path: path}
	}
	return Found{Kind: api.InitNone}
}

func classify(root, program string) api.Init {
	_, err := os.Stat(filepath.Join(root, "sbin/openrc"))
	hasOpenRC := err == nil
	switch {
	case program == "systemd":
		return api.InitSystemd
	case program == "openrc-init", hasOpenRC:
		return api.InitOpenRC
	case strings.HasPrefix(program, "busybox"), program == "toybox", program == "tini", program == "docker-init":
		return api.InitNone
	}
	return api.InitOther
}

const maxLinks = 40

// resolveIn follows the symlinks of path as a process with root as its root directory would.
func resolveIn(root, path string) (string, error) {
	resolved, rest := "/", strings.Split(path, "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		next := filepath.Join(resolved, name)
		target, err := os.Readlink(filepath.Join(root, next))
		if err != nil {
			resolved = next
			continue
		}
		if links++; links > maxLinks {
			return "", os.ErrInvalid
		}
		if filepath.IsAbs(target) {
			resolved = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return resolved, nil
}

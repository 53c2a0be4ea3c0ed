package account

import (
	"path"
	"slices"
	"strings"
)

const (
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	defaultLang = "C.UTF-8"
)

// Environ is an environment in the order its names first came.
type Environ struct {
	names  []string
	values map[string]string
}

// LoginEnviron is what a login of user starts from, before the image's and the caller's own variables.
func LoginEnviron(user User) *Environ {
	environ := &Environ{values: map[string]string{}}
	environ.Set("HOME", user.Home)
	environ.Set("USER", user.Name)
	environ.Set("LOGNAME", user.Name)
	environ.Set("SHELL", user.Shell)
	environ.Set("PATH", defaultPath)
	environ.Set("LANG", defaultLang)
	return environ
}

func (e *Environ) Set(name, value string) {
	if _, known := e.values[name]; !known {
		e.names = append(e.names, name)
	}
	e.values[name] = value
}

// SetAll sets "NAME=value" entries; an entry without a name is passed over.
func (e *Environ) SetAll(entries []string) {
	for _, entry := range entries {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			e.Set(name, value)
		}
	}
}

func (e *Environ) Get(name string) string { return e.values[name] }

// List returns "NAME=value" entries.
func (e *Environ) List() []string {
	entries := make([]string, 0, len(e.names))
	for _, name := range e.names {
		entries = append(entries, name+"="+e.values[name])
	}
	return entries
}

// LoginCommand wraps argv so that the user's shell reads its profile and then becomes the command. Shells that are not
// of the Bourne family, and the nologin ones of service accounts, do not understand the line: /bin/sh stands in.
func LoginCommand(user User, argv []string) []string {
	shell := ScriptShell(user)
	return append([]string{shell, "-lc", `exec "$@"`, shell}, argv...)
}

// ScriptShell is the user's shell where it can run a Bourne shell line, else /bin/sh.
func ScriptShell(user User) string {
	bourne := []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "busybox"}
	if slices.Contains(bourne, path.Base(user.Shell)) {
		return user.Shell
	}
	return defaultShell
}

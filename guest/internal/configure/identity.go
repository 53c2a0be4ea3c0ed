package configure

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"banger/guest/internal/account"
	"banger/guest/internal/api"
)

// hostsMark ends the lines of /etc/hosts that are ours; all others belong to the image and its user.
const hostsMark = "# banger"

// writeIdentity writes who this guest is into the files below root ("/" but for tests).
func writeIdentity(root string, body api.Configure) error {
	hosts, err := readIfThere(filepath.Join(root, "etc/hosts"))
	if err != nil {
		return err
	}
	files := []struct {
		name    string
		content string
		mode    uint32
	}{
		{"etc/hostname", body.Hostname + "\n", 0o644},
		{"etc/hosts", RenderHosts(hosts, body.Hostname, body.Network), 0o644},
		{"etc/machine-id", body.MachineID + "\n", 0o444},
	}
	for _, file := range files {
		if err := writeIfDifferent(filepath.Join(root, file.name), file.content, file.mode); err != nil {
			return err
		}
	}
	if body.Network == nil {
		return nil
	}
	return writeIfDifferent(filepath.Join(root, "etc/resolv.conf"), RenderResolv(body.Network), 0o644)
}

func setHostname(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("hostname: %w", err)
	}
	return nil
}

// RenderHosts returns existing with the guest's own lines brought up to date.
func RenderHosts(existing, hostname string, network *api.Network) string {
	names := hostname
	address := "127.0.1.1"
	if network != nil {
		if prefix, err := netip.ParsePrefix(network.Address); err == nil {
			address = prefix.Addr().String()
		}
		if network.Search != "" {
			names = hostname + "." + network.Search + " " + hostname
		}
	}
	ours := []string{"127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback", address + " " + names}
	var result strings.Builder
	for _, line := range ours {
		result.WriteString(line + " " + hostsMark + "\n")
	}
	for line := range strings.Lines(existing) {
		if strings.HasSuffix(strings.TrimSpace(line), hostsMark) {
			continue
		}
		result.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
	return result.String()
}

// RenderResolv returns the resolv.conf of a network.
func RenderResolv(network *api.Network) string {
	var result strings.Builder
	for _, resolver := range network.Resolvers {
		result.WriteString("nameserver " + resolver + "\n")
	}
	if network.Search != "" {
		result.WriteString("search " + network.Search + "\n")
	}
	return result.String()
}

// writeGitIdentity gives root a git identity unless it has a configuration already.
func writeGitIdentity(root string, git *api.Git) error {
	if git == nil {
		return nil
	}
	user, err := account.Lookup(root, "root")
	if err != nil {
		return err
	}
	return writeIfAbsent(filepath.Join(root, user.Home, ".gitconfig"), RenderGitConfig(*git), 0o644)
}

// RenderGitConfig returns a git configuration with that identity (git-config(1), "Syntax": a value in double quotes
// escapes backslash and quote).
func RenderGitConfig(git api.Git) string {
	quote := func(value string) string {
		value = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, value)
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	}
	return "[user]\n\tname = " + quote(git.Name) + "\n\temail = " + quote(git.Email) + "\n"
}

package configure

import (
	"errors"
	"os"
	"path/filepath"
)

// ReadyDirectory is where systemd puts the marks of units it has reached.
const ReadyDirectory = RuntimeDirectory + "/ready"

const sshUnit = `[Unit]
Description=OpenSSH server
DefaultDependencies=no
After=local-fs.target
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/usr/sbin/sshd -D -f /run/banger/ssh/sshd_config
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=on-failure
`

// A socket unit is the cheapest way to hear of a target: systemd makes the file itself when the unit's turn comes, with
// no process started and no bus needed, and inotify tells at once. Its service is never started: nobody can connect.
const (
	basicSocket = `[Unit]
Description=Mark of the basic system for the banger agent
DefaultDependencies=no
After=basic.target

[Socket]
ListenStream=/run/banger/ready/basic
SocketMode=0600
`
	basicService = `[Unit]
Description=Never started: banger-basic.socket needs it to exist
DefaultDependencies=no

[Service]
Type=oneshot
ExecStart=/bin/true
`
)

const unitDirectory = "/run/systemd/system"

// writeUnits writes what systemd shall find when it starts. An image's own units in /etc win over these.
func writeUnits(withSSHD bool) error {
	if err := os.MkdirAll(ReadyDirectory, 0o700); err != nil {
		return err
	}
	problems := []error{
		writeUnit("banger-basic.socket", basicSocket),
		writeUnit("banger-basic.service", basicService),
		linkUnit("basic.target.wants/banger-basic.socket", "../banger-basic.socket"),
	}
	if withSSHD {
		problems = append(problems,
			writeUnit("ssh.service", sshUnit),
			linkUnit("multi-user.target.wants/ssh.service", "../ssh.service"),
			// One server on port 22, whatever name the distribution gives it and whether or not it is socket-activated.
			linkUnit("sshd.service", "ssh.service"),
			linkUnit("ssh.socket", os.DevNull),
			linkUnit("sshd.socket", os.DevNull),
		)
	}
	if !hasUdev() {
		// A login on the console waits 90 s for a device that only udev would announce, and the system is not up before.
		problems = append(problems, linkUnit("serial-getty@ttyS0.service", os.DevNull))
	}
	return errors.Join(problems...)
}

func hasUdev() bool {
	for _, program := range []string{"/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd"} {
		if _, err := os.Stat(program); err == nil {
			return true
		}
	}
	return false
}

func writeUnit(name, content string) error {
	return replace(filepath.Join(unitDirectory, name), content, 0o644)
}

func linkUnit(name, target string) error {
	link := filepath.Join(unitDirectory, name)
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	return os.Symlink(target, link)
}

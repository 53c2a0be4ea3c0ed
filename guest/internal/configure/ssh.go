package configure

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"banger/guest/internal/api"
)

// Secrets stay in memory: this directory is on a tmpfs.
const (
	RuntimeDirectory   = "/run/banger"
	sshDirectory       = RuntimeDirectory + "/ssh"
	HostKeyFile        = sshDirectory + "/host_key"
	AuthorizedKeysFile = sshDirectory + "/authorized_keys"
	sshdConfigFile     = sshDirectory + "/sshd_config"
	sshdProgram        = "/usr/sbin/sshd"
	sshdPAMFile        = "/etc/pam.d/sshd"
)

const sshdConfig = `# Written by the banger agent at every boot.
Port 22
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
StrictModes yes
AllowUsers root
AuthorizedKeysFile /run/banger/ssh/authorized_keys .ssh/authorized_keys
HostKey /run/banger/ssh/host_key
AcceptEnv LANG LC_* TERM COLORTERM
UseDNS no
PermitUserEnvironment no
X11Forwarding no
LogLevel INFO
PidFile /run/sshd.pid
Subsystem sftp internal-sftp
PrintMotd no
`

// writeSSH writes the SSH identity and configuration to /run/banger/ssh.
func writeSSH(ssh api.SSH) error {
	for _, directory := range []string{RuntimeDirectory, sshDirectory} {
		if err := os.MkdirAll(directory, 0o700); err != nil {
			return err
		}
	}
	// sshd's own empty directory, which its packages leave to a tmpfiles rule or a unit.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		return err
	}
	shadow, err := readIfThere("/etc/shadow")
	if err != nil {
		return err
	}
	_, pamErr := os.Stat(sshdPAMFile)
	files := map[string]string{
		HostKeyFile:          withNewline(ssh.HostKey),
		HostKeyFile + ".pub": withNewline(ssh.HostKeyPublic),
		AuthorizedKeysFile:   strings.Join(append(ssh.AuthorizedKeys, ""), "\n"),
		sshdConfigFile:       RenderSSHDConfig(shadow, pamErr == nil),
	}
	var problems []error
	for name, content := range files {
		problems = append(problems, replace(name, content, 0o600))
	}
	return errors.Join(problems...)
}

// RenderSSHDConfig returns the configuration of the image's sshd. Without PAM sshd refuses even keys where root's
// password is locked ("!" in the shadow file), so PAM is used in that case, if the image has rules for it.
func RenderSSHDConfig(shadow string, hasPAM bool) string {
	for line := range strings.Lines(shadow) {
		if strings.HasPrefix(line, "root:!") && hasPAM {
			return sshdConfig + "UsePAM yes\n"
		}
	}
	return sshdConfig
}

func withNewline(text string) string { return strings.TrimRight(text, "\n") + "\n" }

// hasSSHD says whether the root has an sshd to run.
func hasSSHD(root string) bool {
	info, err := os.Stat(filepath.Join(root, sshdProgram))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

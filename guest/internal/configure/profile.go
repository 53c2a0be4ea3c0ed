package configure

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// profileFile sorts before other files of banger's, which may build on the image's PATH.
const profileFile = "etc/profile.d/banger-image.sh"

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// writeProfile gives the image's environment to login shells. An image's /etc/profile sets PATH anew, and what the
// image put into its own PATH would be found by a plain exec and by no login.
func writeProfile(root string, env []string) error {
	name := filepath.Join(root, profileFile)
	content := RenderProfile(env)
	if content == "" {
		if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
			return err
		}
		return nil
	}
	return writeIfDifferent(name, content, 0o644)
}

// RenderProfile returns the shell lines that export env, "NAME=value" each; empty when there are none.
func RenderProfile(env []string) string {
	var result strings.Builder
	for _, entry := range env {
		name, value, found := strings.Cut(entry, "=")
		if found && variableName.MatchString(name) {
			result.WriteString("export " + name + "='" + strings.ReplaceAll(value, "'", `'\''`) + "'\n")
		}
	}
	if result.Len() == 0 {
		return ""
	}
	return "# The environment of the image, written by the banger agent.\n" + result.String()
}

package ending

import (
	"testing"

	"banger/guest/internal/api"
)

func TestParseShutdown(t *testing.T) {
	cases := map[string]api.Mode{
		"/lib/systemd/systemd-shutdown\x00reboot\x00--log-level\x006\x00":              api.ModeReboot,
		"/usr/lib/systemd/systemd-shutdown\x00--timeout\x0090000000us\x00poweroff\x00": api.ModePoweroff,
		"/usr/lib/systemd/systemd-shutdown\x00halt\x00":                                api.ModeHalt,
		"/usr/lib/systemd/systemd-shutdown\x00kexec\x00":                               api.ModeReboot,
		"/usr/lib/systemd/systemd-shutdown\x00":                                        "",
		"/sbin/init\x00reboot\x00":                                                     "",
		"":                                                                             "",
	}
	for line, want := range cases {
		if got, ok := ParseShutdown(line); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", line, got, ok)
		}
	}
}

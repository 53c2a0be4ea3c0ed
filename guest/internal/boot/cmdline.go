package boot

import "strings"

// ChannelKind is a way to the host.
type ChannelKind string

const (
	ChannelSerial ChannelKind = "serial"
	ChannelVsock  ChannelKind = "vsock"
)

// Settings are the agent's arguments on the kernel's command line.
//
// There is nothing to read of banger.probe: an agent that nobody configures answers health and powers off by itself.
type Settings struct {
	Channel ChannelKind
}

// ParseSettings reads banger.* arguments; everything else is the kernel's or init's. The channel is serial where the
// line names none.
func ParseSettings(commandLine string) Settings {
	settings := Settings{Channel: ChannelSerial}
	for argument := range strings.FieldsSeq(commandLine) {
		if value, found := strings.CutPrefix(argument, "banger.channel="); found {
			settings.Channel = ChannelKind(value)
		}
	}
	return settings
}

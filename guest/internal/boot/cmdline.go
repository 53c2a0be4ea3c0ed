package boot

import "strings"

// ChannelKind is a way to the host.
type ChannelKind string

const (
	ChannelSerial ChannelKind = "serial"
	ChannelVsock  ChannelKind = "vsock"
)

// Settings are the agent's arguments on the kernel's command line.
type Settings struct {
	Channel ChannelKind
	Probe   bool
}

// ParseSettings reads banger.* arguments; everything else is the kernel's or init's. The channel is serial where the
// line names none.
func ParseSettings(commandLine string) Settings {
	settings := Settings{Channel: ChannelSerial}
	for argument := range strings.FieldsSeq(commandLine) {
		name, value, _ := strings.Cut(argument, "=")
		switch name {
		case "banger.channel":
			settings.Channel = ChannelKind(value)
		case "banger.probe":
			settings.Probe = value != "0"
		}
	}
	return settings
}

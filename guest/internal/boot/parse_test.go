package boot

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestParseModuleOrder(t *testing.T) {
	got := ParseModuleOrder("virtio_ring.ko\n\n  virtio.ko \n# a comment\n../escape.ko\n/abs.ko\n..\nlast.ko")
	if want := []string{"virtio_ring.ko", "virtio.ko", "last.ko"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoadModulesSkipsMissingFiles(t *testing.T) {
	directory := t.TempDir()
	if err := LoadModules(directory); err != nil {
		t.Errorf("without an order: %v", err)
	}
	if err := os.WriteFile(filepath.Join(directory, "order"), []byte("not-there.ko\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := LoadModules(directory); err != nil {
		t.Errorf("with a missing module: %v", err)
	}
}

func TestParseSettings(t *testing.T) {
	cases := map[string]Settings{
		"console=ttyS0 quiet":                        {Channel: ChannelSerial},
		"banger.channel=vsock quiet":                 {Channel: ChannelVsock},
		"banger.probe banger.channel=serial x=\"y\"": {Channel: ChannelSerial},
		"banger.probe=0 xbanger.channel=vsock\n":     {Channel: ChannelSerial},
	}
	for line, want := range cases {
		if got := ParseSettings(line); got != want {
			t.Errorf("%q: got %+v, want %+v", line, got, want)
		}
	}
}

package observe

import (
	"slices"
	"testing"

	"banger/guest/internal/api"
)

func TestParseSockets(t *testing.T) {
	const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	const four = header +
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n" +
		"   1: 0500A8C0:0016 0100A8C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 2 1\n"
	if got, want := ParseSockets(four), []api.ListeningPort{{Network: "tcp", Address: "127.0.0.1", Port: 8080}}; !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	const six = header +
		"   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0 0\n" +
		"   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0 0 0 0 0 0 0\n" +
		"garbage\n   2: XYZ:0050 0:0 0A\n"
	want := []api.ListeningPort{{Network: "tcp", Address: "::", Port: 22}, {Network: "tcp", Address: "::1", Port: 80}}
	if got := ParseSockets(six); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseMemory(t *testing.T) {
	total, available := ParseMemory("MemTotal:        1024 kB\nMemFree: 1 kB\nMemAvailable:    512 kB\nHugePages_Total: 0\nodd\n")
	if total != 1<<20 || available != 1<<19 {
		t.Errorf("%d, %d", total, available)
	}
}

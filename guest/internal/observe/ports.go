// Package observe reads off /proc what runs in the guest: listening ports and load.
package observe

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"banger/guest/internal/api"
)

const stateListening = "0A"

// Ports returns the listening TCP sockets, each address and port once.
func Ports() (api.Ports, error) {
	result := api.Ports{Ports: []api.ListeningPort{}}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(file)
		if err != nil {
			// A kernel without IPv6 has no tcp6.
			continue
		}
		for _, port := range ParseSockets(string(content)) {
			if !slices.Contains(result.Ports, port) {
				result.Ports = append(result.Ports, port)
			}
		}
	}
	return result, nil
}

// ParseSockets returns the listening sockets of a /proc/net/tcp or tcp6 table.
func ParseSockets(table string) []api.ListeningPort {
	var ports []api.ListeningPort
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != stateListening {
			continue
		}
		hexAddress, hexPort, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(hexPort, 16, 16)
		address, ok := parseAddress(hexAddress)
		if err == nil && ok {
			ports = append(ports, api.ListeningPort{Network: "tcp", Address: address.String(), Port: int(port)})
		}
	}
	return ports
}

// parseAddress reads the kernel's form: 32-bit words in the machine's byte order, in hexadecimal.
func parseAddress(text string) (netip.Addr, bool) {
	words, err := hex.DecodeString(text)
	if err != nil || len(words)%4 != 0 {
		return netip.Addr{}, false
	}
	for start := 0; start < len(words); start += 4 {
		binary.BigEndian.PutUint32(words[start:], binary.NativeEndian.Uint32(words[start:]))
	}
	address, ok := netip.AddrFromSlice(words)
	return address.Unmap(), ok
}

package netlink

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDeviceInANamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	// The thread keeps the namespace and ends with the goroutine, as it is not unlocked.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespaces here: %v", err)
	}
	loopback, err := net.InterfaceByName("lo")
	must(t, err)
	must(t, Up(loopback.Index))
	prefix := netip.MustParsePrefix("10.9.8.7/24")
	for range 2 {
		// Twice: a guest restored from a snapshot is given what it has.
		must(t, AddAddress(loopback.Index, prefix))
	}
	addresses, err := loopback.Addrs()
	must(t, err)
	var listed []string
	for _, address := range addresses {
		listed = append(listed, address.String())
	}
	if !strings.Contains(strings.Join(listed, " "), "10.9.8.7/24") {
		t.Errorf("addresses %v", listed)
	}
	loopback, err = net.InterfaceByIndex(loopback.Index)
	must(t, err)
	if loopback.Flags&net.FlagUp == 0 {
		t.Error("lo is not up")
	}
	if err := AddDefaultRoute(loopback.Index, netip.MustParseAddr("192.0.2.1")); !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("a gateway out of reach: %v", err)
	}
	if _, err := Find("02:00:00:00:00:01"); !errors.Is(err, ErrNoDevice) {
		t.Errorf("found a device: %v", err)
	}
}

func TestRefusesIPv6(t *testing.T) {
	if AddAddress(1, netip.MustParsePrefix("fd00::1/64")) == nil || AddDefaultRoute(1, netip.MustParseAddr("fd00::1")) == nil {
		t.Error("IPv6 was sent as IPv4")
	}
}

func TestBroadcast(t *testing.T) {
	for prefix, want := range map[string]net.IP{"172.16.0.5/24": {172, 16, 0, 255}, "10.1.2.3/30": {10, 1, 2, 3}, "10.0.0.1/8": {10, 255, 255, 255}} {
		if got := net.IP(broadcast(netip.MustParsePrefix(prefix))); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", prefix, got, want)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

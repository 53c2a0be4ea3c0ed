package configure

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"banger/guest/internal/api"
	"banger/guest/internal/netlink"
)

const (
	deviceDeadline = 5 * time.Second
	devicePoll     = 5 * time.Millisecond
)

// bringUpNetwork brings up lo and, where network is given, the machine's device.
func bringUpNetwork(network *api.Network) error {
	loopback, err := net.InterfaceByName("lo")
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if err := netlink.Up(loopback.Index); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	if network == nil {
		return nil
	}
	if err := bringUpDevice(network); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	return nil
}

func bringUpDevice(network *api.Network) error {
	address, err := netip.ParsePrefix(network.Address)
	if err != nil {
		return err
	}
	gateway, err := netip.ParseAddr(network.Gateway)
	if err != nil {
		return err
	}
	index, err := awaitDevice(network.MAC)
	if err != nil {
		return err
	}
	if err := netlink.Up(index); err != nil {
		return fmt.Errorf("bring up: %w", err)
	}
	if err := netlink.AddAddress(index, address); err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	if err := netlink.AddDefaultRoute(index, gateway); err != nil {
		return fmt.Errorf("route to %s: %w", gateway, err)
	}
	return nil
}

func awaitDevice(mac string) (int, error) {
	for deadline := time.Now().Add(deviceDeadline); ; time.Sleep(devicePoll) {
		index, err := netlink.Find(mac)
		if !errors.Is(err, netlink.ErrNoDevice) || time.Now().After(deadline) {
			return index, err
		}
	}
}

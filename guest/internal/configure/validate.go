// Package configure turns a bare guest into the one the host asked for: disks, root, network, identity, SSH.
package configure

import (
	"net"
	"net/netip"
	"regexp"
	"strings"

	"banger/guest/internal/api"
)

var (
	dnsLabel  = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	machineID = regexp.MustCompile(`^[0-9a-f]{32}$`)
	device    = regexp.MustCompile(`^/dev/[a-z0-9]+$`)
	fsType    = regexp.MustCompile(`^[a-z0-9]+$`)
	domain    = regexp.MustCompile(`^[a-z0-9.-]{0,253}$`)
)

// Validate refuses what must not reach a file or a mount; the error is an *api.Error.
func Validate(body api.Configure) error {
	if !dnsLabel.MatchString(body.Hostname) {
		return api.Errorf(api.BadRequest, "hostname %q is no DNS label", body.Hostname)
	}
	if !machineID.MatchString(body.MachineID) {
		return api.Errorf(api.BadRequest, "machineId %q is not 32 hexadecimal digits", body.MachineID)
	}
	if body.Init != "auto" && body.Init != "none" {
		return api.Errorf(api.BadRequest, "init %q is neither auto nor none", body.Init)
	}
	disks := []api.Disk{body.Disks.Base, body.Disks.Data}
	if body.Disks.Modules != nil {
		disks = append(disks, *body.Disks.Modules)
	}
	for _, disk := range disks {
		if !device.MatchString(disk.Device) || !fsType.MatchString(disk.Type) {
			return api.Errorf(api.BadRequest, "disk %q of type %q", disk.Device, disk.Type)
		}
	}
	for _, key := range append([]string{body.SSH.HostKeyPublic}, body.SSH.AuthorizedKeys...) {
		if strings.ContainsAny(key, "\r\n\x00") {
			return api.Errorf(api.BadRequest, "an SSH key has more than one line")
		}
	}
	return validateNetwork(body.Network)
}

func validateNetwork(network *api.Network) error {
	if network == nil {
		return nil
	}
	if prefix, err := netip.ParsePrefix(network.Address); err != nil || !prefix.Addr().Is4() {
		return api.Errorf(api.BadRequest, "address %q is no IPv4 address with a prefix length", network.Address)
	}
	for _, address := range append([]string{network.Gateway}, network.Resolvers...) {
		if parsed, err := netip.ParseAddr(address); err != nil || !parsed.Is4() {
			return api.Errorf(api.BadRequest, "%q is no IPv4 address", address)
		}
	}
	if _, err := net.ParseMAC(network.MAC); err != nil {
		return api.Errorf(api.BadRequest, "mac: %w", err)
	}
	if !domain.MatchString(network.Search) {
		return api.Errorf(api.BadRequest, "search domain %q", network.Search)
	}
	return nil
}

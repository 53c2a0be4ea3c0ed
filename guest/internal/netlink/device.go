package netlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// Up brings a device up.
func Up(index int) error {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	binary.NativeEndian.PutUint32(body[8:], unix.IFF_UP)
	binary.NativeEndian.PutUint32(body[12:], unix.IFF_UP)
	return newMessage(unix.RTM_NEWLINK, 0, body).send()
}

// AddAddress gives a device an IPv4 address with its prefix length.
func AddAddress(index int, prefix netip.Prefix) error {
	if !prefix.Addr().Is4() {
		return fmt.Errorf("%s is no IPv4 address", prefix)
	}
	body := make([]byte, unix.SizeofIfAddrmsg)
	body[0], body[1] = unix.AF_INET, byte(prefix.Bits())
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	request := newMessage(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, body).
		attribute(unix.IFA_LOCAL, prefix.Addr().AsSlice()).
		attribute(unix.IFA_ADDRESS, prefix.Addr().AsSlice())
	if prefix.Bits() < 31 {
		request.attribute(unix.IFA_BROADCAST, broadcast(prefix))
	}
	return request.send()
}

// AddDefaultRoute sends what no other route takes to gateway.
func AddDefaultRoute(index int, gateway netip.Addr) error {
	if !gateway.Is4() {
		return fmt.Errorf("%s is no IPv4 address", gateway)
	}
	body := make([]byte, unix.SizeofRtMsg)
	body[0] = unix.AF_INET
	body[4], body[5], body[6], body[7] = unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_UNIVERSE, unix.RTN_UNICAST
	return newMessage(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, body).
		attribute(unix.RTA_GATEWAY, gateway.AsSlice()).
		attribute(unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, uint32(index))).
		send()
}

// ErrNoDevice is returned by Find when the machine has no such device (yet).
var ErrNoDevice = errors.New("no network device")

// Find returns the index of the device with the hardware address mac, else of the first ethN.
func Find(mac string) (int, error) {
	devices, err := net.Interfaces()
	if err != nil {
		return 0, err
	}
	wanted, macErr := net.ParseMAC(mac)
	for _, device := range devices {
		if macErr == nil && device.HardwareAddr.String() == wanted.String() {
			return device.Index, nil
		}
	}
	for _, device := range devices {
		if strings.HasPrefix(device.Name, "eth") {
			return device.Index, nil
		}
	}
	return 0, fmt.Errorf("%w: none has the address %q and none is named eth*", ErrNoDevice, mac)
}

func broadcast(prefix netip.Prefix) []byte {
	address := prefix.Addr().As4()
	hosts := uint32(1)<<(32-prefix.Bits()) - 1
	return binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(address[:])|hosts)
}

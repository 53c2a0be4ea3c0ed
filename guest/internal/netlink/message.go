// Package netlink brings up a network device, its address and its route without any program of the image
// (rtnetlink(7)).
package netlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// message builds one rtnetlink request.
type message struct{ bytes []byte }

func newMessage(kind uint16, flags uint16, body []byte) *message {
	m := &message{bytes: make([]byte, unix.SizeofNlMsghdr)}
	binary.NativeEndian.PutUint16(m.bytes[4:], kind)
	binary.NativeEndian.PutUint16(m.bytes[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags)
	m.bytes = append(m.bytes, body...)
	m.pad()
	return m
}

func (m *message) attribute(kind uint16, value []byte) *message {
	m.bytes = binary.NativeEndian.AppendUint16(m.bytes, uint16(unix.SizeofRtAttr+len(value)))
	m.bytes = binary.NativeEndian.AppendUint16(m.bytes, kind)
	m.bytes = append(m.bytes, value...)
	m.pad()
	return m
}

func (m *message) pad() {
	for len(m.bytes)%unix.NLMSG_ALIGNTO != 0 {
		m.bytes = append(m.bytes, 0)
	}
}

// send makes the request and returns the kernel's verdict.
func (m *message) send() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink socket: %w", err)
	}
	defer unix.Close(fd)
	binary.NativeEndian.PutUint32(m.bytes, uint32(len(m.bytes)))
	if err := unix.Sendto(fd, m.bytes, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 8192)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	return verdict(answer[:n])
}

func verdict(answer []byte) error {
	if len(answer) < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errors.New("netlink: unexpected answer")
	}
	if code := int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}

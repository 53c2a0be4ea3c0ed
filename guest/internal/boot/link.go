package boot

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// The first process and the service process talk over a pair of sequenced packet sockets, one short text a packet:
//
//	service to first: "switch" (make /newroot the root), "exec PATH" (become that init; environment entries follow,
//	                  each after a zero byte)
//	first to service: "ok", "error TEXT", "signal MODE" (somebody asked the first process to end the guest)
//
// The socket closes when the first process becomes init.

// linkFd is the service's descriptor of the pair.
const linkFd = 3

const maxPacket = 4096

func socketPair() (first, service *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socket pair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "link"), os.NewFile(uintptr(fds[1]), "link"), nil
}

func receive(link *os.File) (string, error) {
	packet := make([]byte, maxPacket)
	n, err := link.Read(packet)
	if err != nil {
		return "", err
	}
	return string(packet[:n]), nil
}

func send(link *os.File, text string) error {
	_, err := io.WriteString(link, text[:min(len(text), maxPacket)])
	return err
}

// isClosed says whether err means that the other process is gone or has become init.
func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}

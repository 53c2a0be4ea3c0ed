package channel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/sysfs"
)

// PortName is the name the host gives the agent's virtio-serial port.
const PortName = "banger.agent"

const (
	portPoll = 3 * time.Millisecond
	// hostPoll bounds how late a change of ctx is noticed while no host is there; a host itself wakes the wait.
	hostPoll = 200 * time.Millisecond
)

// virtioPort is the opened port. It is opened once for the life of the guest: closing it would tell the host so.
type virtioPort struct {
	*os.File
	epoll int
}

// OpenVirtioPort waits for the agent's port to appear in sysfs and opens it.
func OpenVirtioPort(ctx context.Context) (Port, error) {
	device, err := findPort(ctx)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", device, err)
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	// Edge-triggered, because a port without a host reports POLLHUP all the time.
	interest := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLET, Fd: int32(fd)}
	if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &interest); err != nil {
		return nil, err
	}
	return &virtioPort{File: os.NewFile(uintptr(fd), device), epoll: epoll}, nil
}

func findPort(ctx context.Context) (string, error) {
	for {
		if device, found := sysfs.FindDevice("/sys/class/virtio-ports/*/name", PortName); found {
			return device, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no virtio-serial port named %s: %w", PortName, ctx.Err())
		case <-time.After(portPoll):
		}
	}
}

func (p *virtioPort) WaitForHost(ctx context.Context) error {
	var events [1]unix.EpollEvent
	for ctx.Err() == nil {
		present, err := p.hostPresent()
		if err != nil || present {
			return err
		}
		_, err = unix.EpollWait(p.epoll, events[:], int(hostPoll.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	return ctx.Err()
}

func (p *virtioPort) hostPresent() (bool, error) {
	connection, err := p.SyscallConn()
	if err != nil {
		return false, err
	}
	var state []unix.PollFd
	controlErr := connection.Control(func(fd uintptr) {
		state = []unix.PollFd{{Fd: int32(fd)}}
		_, err = unix.Poll(state, 0)
	})
	if controlErr != nil {
		return false, controlErr
	}
	if errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil && state[0].Revents&unix.POLLHUP == 0, err
}

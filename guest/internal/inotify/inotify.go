// Package inotify tells what happens to the files of a directory (inotify(7)).
package inotify

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const bufferSize = 16 << 10

// Watch calls seen with the name of each file of directory that an event of mask happens to, until ctx ends. The
// watch is in place when it returns.
func Watch(ctx context.Context, directory string, mask uint32, seen func(name string)) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("inotify: %w", err)
	}
	queue := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, directory, mask|unix.IN_ONLYDIR); err != nil {
		_ = queue.Close()
		return fmt.Errorf("watch %s: %w", directory, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = queue.Close() })
	go func() {
		defer stop()
		buffer := make([]byte, bufferSize)
		for {
			n, err := queue.Read(buffer)
			if err != nil {
				return
			}
			for _, name := range names(buffer[:n]) {
				seen(name)
			}
		}
	}()
	return nil
}

func names(events []byte) []string {
	var result []string
	for len(events) >= unix.SizeofInotifyEvent {
		length := int(binary.NativeEndian.Uint32(events[12:]))
		end := min(unix.SizeofInotifyEvent+length, len(events))
		if length > 0 {
			result = append(result, unix.ByteSliceToString(events[unix.SizeofInotifyEvent:end]))
		}
		events = events[end:]
	}
	return result
}

// Package boottest boots the agent in real virtual machines. Its tests need QEMU and a kernel and say so when they
// skip.
package boottest

import (
	"bytes"
	"fmt"
)

// initramfs builds an uncompressed cpio archive ("newc", kernel Documentation/driver-api/early-userspace).
type initramfs struct {
	buffer bytes.Buffer
	inode  int
}

const (
	modeDirectory  = 0o040755
	modeExecutable = 0o100755
	modeFile       = 0o100644
	modeConsole    = 0o020600
)

func (a *initramfs) directory(name string)            { a.entry(name, modeDirectory, 0, 0, nil) }
func (a *initramfs) executable(name string, b []byte) { a.entry(name, modeExecutable, 0, 0, b) }
func (a *initramfs) file(name string, b []byte)       { a.entry(name, modeFile, 0, 0, b) }
func (a *initramfs) device(name string, major, minor int) {
	a.entry(name, modeConsole, major, minor, nil)
}

func (a *initramfs) bytes() []byte {
	a.entry("TRAILER!!!", 0, 0, 0, nil)
	return a.buffer.Bytes()
}

func (a *initramfs) entry(name string, mode, major, minor int, content []byte) {
	a.inode++
	fields := []int{a.inode, mode, 0, 0, 1, 0, len(content), 0, 0, major, minor, len(name) + 1, 0}
	a.buffer.WriteString("070701")
	for _, field := range fields {
		fmt.Fprintf(&a.buffer, "%08X", field)
	}
	a.buffer.WriteString(name + "\x00")
	a.pad()
	a.buffer.Write(content)
	a.pad()
}

func (a *initramfs) pad() {
	for a.buffer.Len()%4 != 0 {
		a.buffer.WriteByte(0)
	}
}

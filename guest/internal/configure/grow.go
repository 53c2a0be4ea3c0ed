package configure

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of the ext4 superblock (kernel Documentation/filesystems/ext4/super.rst).
const (
	superblockOffset    = 1024
	superblockSize      = 1024
	offsetBlocksLow     = 0x4
	offsetLogBlockSize  = 0x18
	offsetMagic         = 0x38
	offsetFeatures      = 0x60
	offsetBlocksHigh    = 0x150
	ext4Magic           = 0xef53
	incompatible64Bit   = 0x80
	ext4ResizeIoctl     = 0x40086610
	smallestBlockLog    = 10
	largestBlockSizeLog = 6
)

// growExt4 grows the mounted ext4 of which directory is part to the size of device and reports whether it did. The
// kernel does the work: no tool of the image is needed.
func growExt4(device string, directory *os.File) (bool, error) {
	file, err := os.Open(device)
	if err != nil {
		return false, err
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	superblock := make([]byte, superblockSize)
	if _, err := file.ReadAt(superblock, superblockOffset); err != nil {
		return false, fmt.Errorf("superblock of %s: %w", device, err)
	}
	blocks, blockSize, err := parseSuperblock(superblock)
	if err != nil {
		return false, fmt.Errorf("%s: %w", device, err)
	}
	wanted := uint64(size) / blockSize
	if wanted <= blocks {
		return false, nil
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, directory.Fd(), ext4ResizeIoctl, uintptr(unsafe.Pointer(&wanted)))
	if errno != 0 {
		return false, fmt.Errorf("grow %s from %d to %d blocks: %w", device, blocks, wanted, errno)
	}
	return true, nil
}

func parseSuperblock(superblock []byte) (blocks, blockSize uint64, err error) {
	if binary.LittleEndian.Uint16(superblock[offsetMagic:]) != ext4Magic {
		return 0, 0, fmt.Errorf("no ext4 file system")
	}
	logSize := binary.LittleEndian.Uint32(superblock[offsetLogBlockSize:])
	if logSize > largestBlockSizeLog {
		return 0, 0, fmt.Errorf("block size 2^%d", smallestBlockLog+logSize)
	}
	blocks = uint64(binary.LittleEndian.Uint32(superblock[offsetBlocksLow:]))
	if binary.LittleEndian.Uint32(superblock[offsetFeatures:])&incompatible64Bit != 0 {
		blocks |= uint64(binary.LittleEndian.Uint32(superblock[offsetBlocksHigh:])) << 32
	}
	return blocks, 1 << (smallestBlockLog + logSize), nil
}

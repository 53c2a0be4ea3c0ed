package observe

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
)

// Stats reads the guest's load; data is the root of the data disk.
func Stats(data *os.File) (api.Stats, error) {
	var stats api.Stats
	memory, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return stats, err
	}
	stats.MemoryTotalBytes, stats.MemoryAvailableBytes = ParseMemory(string(memory))
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return stats, err
	}
	first, _, _ := strings.Cut(string(load), " ")
	stats.Load1, _ = strconv.ParseFloat(first, 64)
	processes, _ := filepath.Glob("/proc/[0-9]*")
	stats.Processes = len(processes)
	if data == nil {
		return stats, nil
	}
	var disk unix.Statfs_t
	if err := unix.Fstatfs(int(data.Fd()), &disk); err != nil {
		return stats, fmt.Errorf("data disk: %w", err)
	}
	stats.DiskTotalBytes = disk.Blocks * uint64(disk.Bsize)
	stats.DiskUsedBytes = (disk.Blocks - disk.Bfree) * uint64(disk.Bsize)
	return stats, nil
}

// ParseMemory returns total and available memory in bytes from /proc/meminfo.
func ParseMemory(content string) (total, available uint64) {
	for line := range strings.Lines(content) {
		name, rest, _ := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			continue
		}
		kibibytes, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "MemTotal":
			total = kibibytes << 10
		case "MemAvailable":
			available = kibibytes << 10
		}
	}
	return total, available
}

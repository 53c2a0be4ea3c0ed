// Package sysfs finds devices by what the kernel tells of them.
package sysfs

import (
	"os"
	"path/filepath"
	"strings"
)

// FindDevice answers the /dev path of the device that has value in the attribute file that attributes, a pattern such as
// /sys/block/vd*/serial, matches; false where there is none.
func FindDevice(attributes, value string) (string, bool) {
	names, _ := filepath.Glob(attributes)
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err == nil && strings.TrimSpace(string(content)) == value {
			return filepath.Join("/dev", filepath.Base(filepath.Dir(name))), true
		}
	}
	return "", false
}

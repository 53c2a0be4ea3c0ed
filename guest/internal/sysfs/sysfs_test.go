package sysfs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFindDevice(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{"vda": "base\n", "vdb": "", "vdc": "bulk", "vdd": "bulky\n"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name, "serial"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for value, want := range map[string]string{"base": "/dev/vda", "bulk": "/dev/vdc", "bulky": "/dev/vdd", "data": ""} {
		device, found := FindDevice(filepath.Join(root, "vd*/serial"), value)
		if device != want || found != (want != "") {
			t.Errorf("%s: %q, %v", value, device, found)
		}
	}
}

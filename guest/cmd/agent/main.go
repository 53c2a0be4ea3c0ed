// Command agent is banger's part of the guest: the kernel's first process, then a service beside the image's init.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"banger/guest/internal/boot"
	"banger/guest/internal/tsc"
)

// tscMeasure gives the frequency to about one part in a million.
const tscMeasure = 50 * time.Millisecond

// version is set by the build.
var version = "development"

func main() {
	switch {
	case os.Args[0] == boot.ServiceName:
		exit(runService())
	case os.Getpid() == 1:
		problem := boot.RunFirst()
		// Process 1 must not return: the kernel would panic and hide why.
		fmt.Fprintln(os.Stderr, "banger-agent:", problem)
		unix.Sync()
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
		select {}
	case len(os.Args) == 2 && strings.TrimLeft(os.Args[1], "-") == "version":
		fmt.Println(version)
	case len(os.Args) == 2 && os.Args[1] == "tsc-khz":
		khz, err := tsc.KHz(tscMeasure)
		if err == nil {
			fmt.Println(khz)
		}
		exit(err)
	default:
		fmt.Fprintln(os.Stderr, "banger-agent: this program is the first process of a guest and is not started by hand")
		os.Exit(2)
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "banger-agent:", err)
		os.Exit(1)
	}
}

package ending

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"banger/guest/internal/api"
)

const consoleDevice = "/dev/console"

// WriteConsole writes a line to the console. It opens the console anew: a getty hangs up what was open before. It does
// not wait for a console nobody reads.
func WriteConsole(line string) {
	console, err := os.OpenFile(consoleDevice, os.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer console.Close()
	fmt.Fprintf(console, "\nbanger-agent: %s\n", line)
}

// MarkConsole leaves the guest's last word where a daemon that was away finds it.
func MarkConsole(mode api.Mode) { WriteConsole("guest is going down: " + string(mode)) }

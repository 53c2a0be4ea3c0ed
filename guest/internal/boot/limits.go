package boot

import (
	"fmt"
	"os"
	"syscall"
)

// openFiles is what systemd gives its services: 1024 at first, for programs that use select(2), and room for those that ask
// for more. The kernel's own 4096 would be all a command could have, and too little for the agent's connections.
var openFiles = syscall.Rlimit{Cur: 1024, Max: 512 * 1024}

// limitOpenFiles sets the limit of this process and of all it starts. The Go runtime of the service process raises its own to
// the most there is, and gives commands what it was started with.
func limitOpenFiles() {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &openFiles); err != nil {
		fmt.Fprintln(os.Stderr, "banger-agent: the limit of open files stays the kernel's:", err)
	}
}

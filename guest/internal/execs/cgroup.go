package execs

import "os"

// Cgroup is a control group of the commands' own. It is no unit of systemd's, which then neither counts nor ends what
// runs there; and the agent, in systemd's init.scope, is not weighed together with it.
type Cgroup struct{ path string }

// NewCgroup names the cgroup's directory, which is made when it is first needed.
func NewCgroup(path string) *Cgroup { return &Cgroup{path} }

// open returns the directory, or nil where there can be none: commands then run without. It is made again when somebody
// has cleared it away, which is legal while it is empty.
func (c *Cgroup) open() *os.File {
	if c == nil {
		return nil
	}
	_ = os.Mkdir(c.path, 0o755)
	directory, err := os.Open(c.path)
	if err != nil {
		return nil
	}
	return directory
}

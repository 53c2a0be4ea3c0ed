// Package api holds the JSON of the guest protocol (docs/guest-protocol.md) and nothing else.
package api

// Protocol is the version of the guest protocol spoken here.
const Protocol = 1

// Stage is how far the agent has come with its guest.
type Stage string

const (
	StageWaiting     Stage = "waiting"
	StageConfiguring Stage = "configuring"
	StageRunning     Stage = "running"
	StageFailed      Stage = "failed"
)

// Init is the kind of init the image brings; empty until it is known.
type Init string

const (
	InitUnknown Init = ""
	InitSystemd Init = "systemd"
	InitOpenRC  Init = "openrc"
	InitOther   Init = "other"
	InitNone    Init = "none"
)

// Level is one readiness of the guest; the levels are a set, not a ladder.
type Level string

const (
	LevelAgent  Level = "agent"
	LevelBasic  Level = "basic"
	LevelSystem Level = "system"
	LevelSSH    Level = "ssh"
)

// Mode is a way for the guest to end.
type Mode string

const (
	ModePoweroff Mode = "poweroff"
	ModeReboot   Mode = "reboot"
	ModeHalt     Mode = "halt"
)

// Health answers GET /v1/health.
type Health struct {
	Version   string  `json:"version"`
	Protocol  int     `json:"protocol"`
	BootID    string  `json:"bootId"`
	Stage     Stage   `json:"stage"`
	Init      Init    `json:"init"`
	Readiness []Level `json:"readiness"`
	UptimeMs  int64   `json:"uptimeMs"`
	Error     string  `json:"error,omitempty"`
}

// Configure is the body of POST /v1/configure.
type Configure struct {
	VMID       string   `json:"vmId"`
	Hostname   string   `json:"hostname"`
	MachineID  string   `json:"machineId"`
	TimeUnixMs int64    `json:"timeUnixMs"`
	Disks      Disks    `json:"disks"`
	Network    *Network `json:"network"`
	SSH        SSH      `json:"ssh"`
	Git        *Git     `json:"git"`
	Env        []string `json:"env"`
	// Init is "auto" (the image's own, if it has one) or "none".
	Init string `json:"init"`
}

// Disks names the guest's block devices.
type Disks struct {
	Base    Disk  `json:"base"`
	Modules *Disk `json:"modules"`
	Data    Disk  `json:"data"`
}

// Disk is one block device and the type of the file system on it.
type Disk struct {
	Device string `json:"device"`
	Type   string `json:"type"`
}

// Network is the address of the guest's one network device.
type Network struct {
	Address   string   `json:"address"`
	Gateway   string   `json:"gateway"`
	MAC       string   `json:"mac"`
	Resolvers []string `json:"resolvers"`
	Search    string   `json:"search"`
}

// SSH is the identity the guest's SSH server shows and the keys it lets in.
type SSH struct {
	HostKey        string   `json:"hostKey"`
	HostKeyPublic  string   `json:"hostKeyPublic"`
	AuthorizedKeys []string `json:"authorizedKeys"`
}

// Git is the identity commits made in the guest carry.
type Git struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Shutdown is the body of POST /v1/shutdown.
type Shutdown struct {
	Mode    Mode  `json:"mode"`
	GraceMs int64 `json:"graceMs"`
}

// Extracted answers PUT /v1/files.
type Extracted struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// FileStat answers GET /v1/stat.
type FileStat struct {
	// Type is file, directory, symlink or other.
	Type string `json:"type"`
	// Mode holds the permission bits with setuid, setgid and sticky.
	Mode uint32 `json:"mode"`
	Size int64  `json:"size"`
	// LeadsTo is what a symlink leads to in the end, nothing where it leads nowhere; RealPath64 is where that is.
	LeadsTo    string `json:"leadsTo,omitempty"`
	RealPath64 []byte `json:"realPath64,omitempty"`
}

// Selection is the body of POST /v1/tree, POST /v1/files and POST /v1/files/remove: names below Path.
type Selection struct {
	Path    string   `json:"path"`
	Paths64 [][]byte `json:"paths64"`
	// Was says what each of them should be, empty where that does not matter; POST /v1/files/remove alone takes it.
	Was []string `json:"was,omitempty"`
}

// Removed answers POST /v1/files/remove.
type Removed struct {
	Files int `json:"files"`
}

// TreeEntry is a line of GET and POST /v1/tree. Path is used for names that are UTF-8, Path64 for others.
type TreeEntry struct {
	Path   string `json:"path,omitempty"`
	Path64 []byte `json:"path64,omitempty"`
	// Type is file, symlink, or repository for a directory with a .git of its own.
	Type string `json:"type"`
	Mode string `json:"mode,omitempty"`
	Size int64  `json:"size"`
	ID   string `json:"id,omitempty"`
	// Stamp is the same as long as the content is.
	Stamp string `json:"stamp,omitempty"`
}

// TreeEnd is the last line of GET and POST /v1/tree.
type TreeEnd struct {
	Entries int `json:"entries"`
}

// Ports answers GET /v1/ports.
type Ports struct {
	Ports []ListeningPort `json:"ports"`
}

// ListeningPort is one listening socket.
type ListeningPort struct {
	Network string `json:"network"`
	Address string `json:"address"`
	Port    int    `json:"port"`
}

// Stats answers GET /v1/stats.
type Stats struct {
	MemoryTotalBytes     uint64  `json:"memoryTotalBytes"`
	MemoryAvailableBytes uint64  `json:"memoryAvailableBytes"`
	Load1                float64 `json:"load1"`
	DiskTotalBytes       uint64  `json:"diskTotalBytes"`
	DiskUsedBytes        uint64  `json:"diskUsedBytes"`
	Processes            int     `json:"processes"`
}

// Clock is the body of POST /v1/clock; ClockSet answers it.
type Clock struct {
	TimeUnixMs int64 `json:"timeUnixMs"`
}

// ClockSet says by how many milliseconds the guest's clock was off.
type ClockSet struct {
	OffsetMs int64 `json:"offsetMs"`
}

// Empty is the JSON object without fields.
type Empty struct{}

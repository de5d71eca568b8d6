package wire

import "strconv"

// Names of files. State folder: ConfigFile, ConfFile, JournalFile, ErrorFile. Run folder: Socket, StateDir.
const (
	// ConfigFile is the OCI runtime specification.
	ConfigFile = "config.json"
	// ConfFile is the monitor's [Conf].
	ConfFile = "monitor.conf"
	// JournalFile is the container's journal.
	JournalFile = "journal"
	// ErrorFile receives what a monitor or creator writes to its own stderr: the trace of a crash.
	ErrorFile = "monitor.err"
	// Socket is the monitor's control socket.
	Socket = "sock"
	// StateDir holds libcontainer's state of the present run.
	StateDir = "lc"
	// FilterPrefix begins the names of compiled seccomp programs, which creators keep beside the run folders.
	FilterPrefix = "filter-"
)

// File descriptors a monitor is started with, and a creator.
const (
	// MonitorControl is the monitor's end of the first control connection.
	MonitorControl = 3
	// MonitorCreator is the sealed memfd of the creator.
	MonitorCreator = 4
	// MonitorTerminal is the master of the terminal of an adopted container.
	MonitorTerminal = 5

	// CreatorReport takes the creator's [Report].
	CreatorReport = 3
	// CreatorConsole is the socket over which the terminal's master is to come; /dev/null without a terminal.
	CreatorConsole = 4
	// CreatorStdin, CreatorStdout and CreatorStderr become the command's 0, 1 and 2.
	CreatorStdin  = 5
	CreatorStdout = 6
	CreatorStderr = 7

	// InitGate is, in a process 1 of ours, a pipe that it closes when it is ready for signals.
	InitGate = 4
)

// Conf is what a monitor has to know of its container beside the specification.
type Conf struct {
	// ID is the container's id.
	ID string
	// Run is the number of the last run; the next start is Run+1.
	Run int64
	// Count is how often the policy has restarted the container already.
	Count int64
	// TTY, Stdin and StdinOnce are the container's Tty, OpenStdin and StdinOnce.
	TTY, Stdin, StdinOnce bool
	// Policy is "no", "always", "unless-stopped" or "on-failure"; MaxRetry bounds on-failure, 0 = no bound.
	Policy   string
	MaxRetry int64
	// Driver is "json-file", "none", "syslog" or "journald".
	Driver string
	// LogPath is the file of json-file. MaxSize in bytes, 0 = no rotation; MaxFile files are kept, at least 2 when rotating.
	LogPath          string
	MaxSize, MaxFile int64
	// Attrs is a JSON object every line of json-file carries as "attrs"; empty = none.
	Attrs string
	// Address is syslog's: "unixgram:/dev/log", "unix:…", "udp:<ip>:<port>", "tcp:<ip>:<port>"; or the path of journald's socket.
	Address string
	// Format is syslog's message format: "" (local, no host), "rfc3164", "rfc5424" or "rfc5424micro".
	Format string
	// Facility is syslog's facility, 0 to 23. Host and Tag are those of the message.
	Facility  int64
	Host, Tag string
	// Fields are journald's constant fields, encoded for its socket.
	Fields string
	// CgroupsPath is the container's group below each hierarchy's root.
	CgroupsPath string
	// Cgroups are the container's control groups, one per hierarchy. Memory, Freezer are those of that controller, "" when
	// the host has none; Unified says that the host has version 2 only.
	Cgroups         []string
	Memory, Freezer string
	Unified         bool
	// Limited says that the container has a memory limit, so that cleatd listens for its being hit.
	Limited bool
	// HostPID says that the container shares the host's process ids, so that its orphans fall to the monitor.
	HostPID bool
	// Init says that process 1 is this program in its mode "docker-init".
	Init bool
}

// Encode returns the file's content.
func (c Conf) Encode() []byte {
	var b []byte
	text := func(key, value string) {
		if value != "" {
			b = append(AppendEscaped(append(append(b, key...), '='), value), '\n')
		}
	}
	num := func(key string, n int64) {
		if n != 0 {
			text(key, strconv.FormatInt(n, 10))
		}
	}
	flag := func(key string, on bool) {
		if on {
			text(key, "1")
		}
	}
	text("id", c.ID)
	num("run", c.Run)
	num("count", c.Count)
	flag("tty", c.TTY)
	flag("stdin", c.Stdin)
	flag("stdinonce", c.StdinOnce)
	text("policy", c.Policy)
	num("maxretry", c.MaxRetry)
	text("driver", c.Driver)
	text("log", c.LogPath)
	num("maxsize", c.MaxSize)
	num("maxfile", c.MaxFile)
	text("attrs", c.Attrs)
	text("address", c.Address)
	text("format", c.Format)
	num("facility", c.Facility)
	text("host", c.Host)
	text("tag", c.Tag)
	text("fields", c.Fields)
	text("cgroupspath", c.CgroupsPath)
	for _, dir := range c.Cgroups {
		text("cgroup", dir)
	}
	text("memory", c.Memory)
	text("freezer", c.Freezer)
	flag("unified", c.Unified)
	flag("limited", c.Limited)
	flag("hostpid", c.HostPID)
	flag("init", c.Init)
	return b
}

// ParseConf reads the content of a monitor.conf. Keys it does not know are skipped; false on a line that is none.
func ParseConf(content string) (Conf, bool) {
	var c Conf
	for content != "" {
		line := content
		content = ""
		for i := range len(line) {
			if line[i] == '\n' {
				line, content = line[:i], line[i+1:]
				break
			}
		}
		key, word, ok := cut(line)
		if line == "" {
			continue
		}
		value, plain := Unescape(word)
		if !ok || !plain {
			return Conf{}, false
		}
		c.set(key, value)
	}
	return c, true
}

// text and number find the field of a key; nil for any other. They are switches, not maps: the monitor reads its conf
// once, and keeps no memory of it.
func (c *Conf) text(key string) *string {
	switch key {
	case "id":
		return &c.ID
	case "policy":
		return &c.Policy
	case "driver":
		return &c.Driver
	case "log":
		return &c.LogPath
	case "attrs":
		return &c.Attrs
	case "address":
		return &c.Address
	case "format":
		return &c.Format
	case "host":
		return &c.Host
	case "tag":
		return &c.Tag
	case "fields":
		return &c.Fields
	case "cgroupspath":
		return &c.CgroupsPath
	case "memory":
		return &c.Memory
	case "freezer":
		return &c.Freezer
	}
	return nil
}

func (c *Conf) number(key string) *int64 {
	switch key {
	case "run":
		return &c.Run
	case "count":
		return &c.Count
	case "maxretry":
		return &c.MaxRetry
	case "maxsize":
		return &c.MaxSize
	case "maxfile":
		return &c.MaxFile
	case "facility":
		return &c.Facility
	}
	return nil
}

func (c *Conf) flag(key string) *bool {
	switch key {
	case "tty":
		return &c.TTY
	case "stdin":
		return &c.Stdin
	case "stdinonce":
		return &c.StdinOnce
	case "unified":
		return &c.Unified
	case "limited":
		return &c.Limited
	case "hostpid":
		return &c.HostPID
	case "init":
		return &c.Init
	}
	return nil
}

func (c *Conf) set(key, value string) {
	if p := c.text(key); p != nil {
		*p = value
	} else if p := c.number(key); p != nil {
		*p = number(value)
	} else if p := c.flag(key); p != nil {
		*p = value == "1"
	} else if key == "cgroup" && value != "" {
		c.Cgroups = append(c.Cgroups, value)
	}
}

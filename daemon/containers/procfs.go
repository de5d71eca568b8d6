//go:build linux

package containers

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"golang.org/x/sys/unix"
)

// userHZ is the unit of times in /proc, the same on every architecture Go runs on.
const userHZ = 100

// column is one column of ps.
type column struct {
	title string
	value func(h *host, p *proc) string
}

// fullFormat is ps -ef, userFormat ps aux.
var (
	fullFormat = []column{
		{"UID", (*host).user}, {"PID", pidOf}, {"PPID", func(_ *host, p *proc) string { return strconv.Itoa(p.ppid) }},
		{"C", func(h *host, p *proc) string { return strconv.Itoa(min(int(h.cpu(p)), 99)) }}, {"STIME", (*host).started}, {"TTY", terminal},
		{"TIME", func(_ *host, p *proc) string { return clock(p.cpuTime()) }}, {"CMD", commandOf},
	}
	userFormat = []column{
		{"USER", (*host).user}, {"PID", pidOf}, {"%CPU", func(h *host, p *proc) string { return fmt.Sprintf("%.1f", h.cpu(p)) }}, {"%MEM", (*host).memory},
		{"VSZ", func(_ *host, p *proc) string { return strconv.FormatUint(p.vsize/1024, 10) }},
		{"RSS", func(h *host, p *proc) string { return strconv.FormatUint(p.rss*h.page/1024, 10) }}, {"TTY", terminal},
		{"STAT", func(_ *host, p *proc) string { return p.stat() }}, {"START", (*host).started},
		{"TIME", func(_ *host, p *proc) string {
			d := int(p.cpuTime().Seconds())
			return fmt.Sprintf("%d:%02d", d/60, d%60)
		}}, {"COMMAND", commandOf},
	}
)

// listProcesses makes the table; processes that ended meanwhile are left out.
func listProcesses(columns []column, pids []int) (container.TopResponse, error) {
	out := container.TopResponse{Processes: [][]string{}}
	for _, c := range columns {
		out.Titles = append(out.Titles, c.title)
	}
	h, err := readHost()
	if err != nil {
		return out, err
	}
	for _, pid := range pids {
		p, err := readProc(pid)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return out, err
		}
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = c.value(h, p)
		}
		out.Processes = append(out.Processes, row)
	}
	return out, nil
}

// host is what the columns need of the machine.
type host struct {
	now, boot    time.Time
	page, memKiB uint64
	users        map[uint32]string
}

func readHost() (*host, error) {
	h := &host{now: time.Now(), page: uint64(os.Getpagesize()), users: map[uint32]string{}} //nolint:gosec // positive
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return nil, fmt.Errorf("sysinfo: %w", err)
	}
	h.memKiB = info.Totalram * uint64(info.Unit) / 1024
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return nil, fmt.Errorf("boot time: %w", err)
	}
	h.boot = h.now.Add(-time.Duration(up.Nano()))
	return h, nil
}

// proc is one process.
type proc struct {
	pid, ppid, tty, nice, threads int
	session, group, foreground    int
	state                         byte
	utime, stime, start           uint64
	vsize, rss                    uint64
	uid                           uint32
	comm                          string
	cmdline                       []byte
}

func readProc(pid int) (*proc, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	raw, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	p, err := parseStat(raw)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	if p.cmdline, err = os.ReadFile(dir + "/cmdline"); err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	p.uid = st.Uid
	return p, nil
}

// parseStat reads /proc/PID/stat. The name is in parentheses and may hold any character, parentheses too.
func parseStat(raw []byte) (*proc, error) {
	open, end := bytes.IndexByte(raw, '('), bytes.LastIndexByte(raw, ')')
	if open < 0 || end < open {
		return nil, fmt.Errorf("unexpected stat %q", raw)
	}
	p := &proc{comm: string(raw[open+1 : end])}
	fields := strings.Fields(string(raw[end+1:]))
	if len(fields) < 22 || len(fields[0]) != 1 {
		return nil, fmt.Errorf("unexpected stat %q", raw)
	}
	var bad error
	number := func(i int) int64 { // i as in proc(5), from 1
		n, err := strconv.ParseInt(fields[i-3], 10, 64)
		if err != nil && bad == nil {
			bad = fmt.Errorf("unexpected field %d of stat: %w", i, err)
		}
		return n
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw[:open])))
	if err != nil {
		return nil, fmt.Errorf("unexpected stat %q", raw)
	}
	p.pid, p.state = pid, fields[0][0]
	p.ppid, p.group, p.session, p.tty, p.foreground = int(number(4)), int(number(5)), int(number(6)), int(number(7)), int(number(8))
	p.utime, p.stime = uint64(number(14)), uint64(number(15)) //nolint:gosec // not negative
	p.nice, p.threads = int(number(19)), int(number(20))
	p.start, p.rss = uint64(number(22)), uint64(number(24)) //nolint:gosec // not negative
	p.vsize, err = strconv.ParseUint(fields[23-3], 10, 64)
	return p, errors.Join(bad, err)
}

func (p *proc) cpuTime() time.Duration {
	return time.Duration(p.utime+p.stime) * (time.Second / userHZ) //nolint:gosec // far below the bound
}

// stat is the column STAT: the state and what is special about the process.
func (p *proc) stat() string {
	s := string(p.state)
	switch {
	case p.nice < 0:
		s += "<"
	case p.nice > 0:
		s += "N"
	}
	if p.session == p.pid {
		s += "s"
	}
	if p.threads > 1 {
		s += "l"
	}
	if p.foreground == p.group {
		s += "+"
	}
	return s
}

func pidOf(_ *host, p *proc) string { return strconv.Itoa(p.pid) }

// cpu is the share of one CPU over the life of a process, in percent.
func (h *host) cpu(p *proc) float64 {
	age := h.now.Sub(h.start(p))
	if age <= 0 {
		return 0
	}
	return 100 * p.cpuTime().Seconds() / age.Seconds()
}

func (h *host) memory(p *proc) string {
	return fmt.Sprintf("%.1f", min(100*float64(p.rss*h.page/1024)/float64(max(h.memKiB, 1)), 99.9))
}

func (h *host) start(p *proc) time.Time {
	return h.boot.Add(time.Duration(p.start) * (time.Second / userHZ)) //nolint:gosec // far below the bound
}

// started is the time of day for a start of today, the day for one of this year, and the year else.
func (h *host) started(p *proc) string {
	start := h.start(p)
	switch {
	case start.Year() == h.now.Year() && start.YearDay() == h.now.YearDay():
		return start.Format("15:04")
	case start.Year() == h.now.Year():
		return start.Format("Jan02")
	default:
		return start.Format("2006")
	}
}

// user is the host's name for a user id, cut as ps does.
func (h *host) user(p *proc) string {
	name, ok := h.users[p.uid]
	if !ok {
		name = strconv.FormatUint(uint64(p.uid), 10)
		if u, err := user.LookupId(name); err == nil {
			name = u.Username
		}
		if len(name) > 8 {
			name = name[:7] + "+"
		}
		h.users[p.uid] = name
	}
	return name
}

// terminal is the controlling terminal by its device number.
func terminal(_ *host, p *proc) string {
	device := uint64(uint32(p.tty)) //nolint:gosec // a bit field
	switch major, minor := unix.Major(device), unix.Minor(device); {
	case p.tty == 0:
		return "?"
	case major >= 136 && major <= 143:
		return "pts/" + strconv.Itoa(int(major-136)<<20|int(minor))
	case major == 4 && minor < 64:
		return "tty" + strconv.Itoa(int(minor))
	case major == 4:
		return "ttyS" + strconv.Itoa(int(minor-64))
	default:
		return "?"
	}
}

// clock is [days-]hours:minutes:seconds.
func clock(d time.Duration) string {
	n := int(d.Seconds())
	text := fmt.Sprintf("%02d:%02d:%02d", n/3600%24, n/60%60, n%60)
	if days := n / 86400; days > 0 {
		return strconv.Itoa(days) + "-" + text
	}
	return text
}

// commandOf is the command line in one line, or the name in brackets when a process has none.
func commandOf(_ *host, p *proc) string {
	line := strings.TrimRight(strings.ReplaceAll(string(p.cmdline), "\x00", " "), " ")
	if line == "" {
		line = "[" + p.comm + "]"
		if p.state == 'Z' {
			line += " <defunct>"
		}
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, line)
}

package wire

import "strconv"

// MaxPacket bounds a packet of the control socket, bytes.
const MaxPacket = 16 << 10

// Protocol is the version of the control protocol; hello's answer carries it.
const Protocol = 1

// A request is "<number> <verb> <words>", its answer "<number> ok <words>" or "<number> err <class> <message>". Numbers
// are the client's and above 0. What the monitor says unasked has number 0.
const (
	// VerbHello asks "hello" → ok <protocol> <state> <run> <pid>. From then on the connection hears what is unasked. If
	// the container has a terminal, its master follows ([SayTerminal]).
	VerbHello = "hello"
	// VerbStart asks "start" → ok <start line of the journal>. Once.
	VerbStart = "start"
	// VerbSignal asks "signal <n> <stop>": sends signal n (0 = none) to the command; stop = "1" also keeps the restart
	// policy from starting it again, and cancels a restart that is pending.
	VerbSignal = "signal"
	// VerbPolicy asks "policy <name> <maxretry>".
	VerbPolicy = "policy"
	// VerbResize asks "resize <height> <width> [<exec>]".
	VerbResize = "resize"
	// VerbAttach asks "attach <bits> <keys>" with the client's socket → ok <session>.
	VerbAttach = "attach"
	// VerbExec asks "exec <id> <file> <tty> <bits> <keys>" [with the client's socket] → ok <pid> <session>.
	VerbExec = "exec"
	// VerbExecSignal asks "exec-signal <id> <n>".
	VerbExecSignal = "exec-signal"

	// SayBell is "0 bell": the journal has grown.
	SayBell = "bell"
	// SayEnd is "0 end <session> <why>": a session of this connection is over. why is "closed", "detached" or "exit".
	SayEnd = "end"
	// SayTerminal is "0 terminal" with a copy of the terminal's master.
	SayTerminal = "terminal"
)

// Bits of an attach or exec.
const (
	BitIn = 1 << iota
	BitOut
	BitErr
	// BitFlow: the container waits for this client rather than the client losing output.
	BitFlow
	// BitRaw: output goes out as it is, without the frames of the Docker API (a terminal's always does).
	BitRaw
)

// A Report is a creator's result.
type Report struct {
	// Pid and StartTime of the command, when it runs.
	Pid, StartTime int64
	// Class and Message say why it does not; Code is the exit code to show for it.
	Class, Message string
	Code           int64
}

// Encode returns the report as a line.
func (r Report) Encode() []byte {
	b := []byte("report")
	b = appendInt(b, "pid", r.Pid)
	b = appendInt(b, "starttime", r.StartTime)
	b = appendText(b, "class", r.Class)
	b = appendInt(b, "code", r.Code)
	b = appendText(b, "message", r.Message)
	return append(b, '\n')
}

// ParseReport reads what came through the report pipe; false when it is not a whole report.
func ParseReport(b string) (Report, bool) {
	if len(b) == 0 || b[len(b)-1] != '\n' {
		return Report{}, false
	}
	e, ok := ParseEntry(b[:len(b)-1])
	if !ok || e.Kind != "report" || (e.Pid <= 0) == (e.Class == "") {
		return Report{}, false
	}
	return Report{Pid: e.Pid, StartTime: e.StartTime, Class: e.Class, Message: e.Message, Code: e.Code}, true
}

// Itoa is the number in decimal.
func Itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Atoi is the number a decimal word stands for; 0 for any other.
func Atoi(word string) int64 { return number(word) }

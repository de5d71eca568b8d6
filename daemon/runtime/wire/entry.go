package wire

// Kinds of journal lines. A container's state follows from the last line that is not one of an exec:
// start → running, exit with a delay → restarting, all others → not running.
const (
	// Start: the container's command runs. Run, Time, Pid, StartTime, Boot, Count, In, Out, Err.
	Start = "start"
	// StartFailed: the command could not be started, nothing runs. Run, Time, Code, Class, Message.
	StartFailed = "start-failed"
	// Exit: the command ended, its output is complete. Run, Time, Code, OOM, Delay, Message (why the code is not known).
	Exit = "exit"
	// Stop: a restart that had been announced will not come. Run, Time.
	Stop = "stop"
	// Adopt: another monitor took the running container over. Run, Time.
	Adopt = "adopt"
	// ExecStart: an exec's command runs. Run, Time, ID, Pid.
	ExecStart = "exec-start"
	// ExecFailed: an exec's command could not be started. Run, Time, ID, Code, Class, Message.
	ExecFailed = "exec-failed"
	// ExecExit: an exec's command ended. Run, Time, ID, Code.
	ExecExit = "exec-exit"
)

// An Entry is one line of a container's journal.
type Entry struct {
	// Kind is one of the constants above; others come from a later release and are to be skipped.
	Kind string
	// Run numbers the starts of the container's command from 1.
	Run int64
	// Time is when it happened, nanoseconds since 1970.
	Time int64
	// Pid is the process id of the command as the host sees it.
	Pid int64
	// StartTime is field 22 of /proc/<pid>/stat, ticks since boot. With Pid and Boot it names the process for ever.
	StartTime int64
	// Boot is /proc/sys/kernel/random/boot_id.
	Boot string
	// Count is how often the restart policy has started the container since it was started on demand.
	Count int64
	// In, Out and Err are the inodes of the pipes which are the command's stdin, stdout and stderr; 0 where there is none.
	In, Out, Err int64
	// Code is the exit code; 128+n for signal n.
	Code int64
	// OOM says that the kernel killed a process of the container for lack of memory.
	OOM bool
	// Restart says that the restart policy starts the container again after Delay milliseconds.
	Restart bool
	Delay   int64
	// ID is that of the exec.
	ID string
	// Class is one of the Class constants.
	Class string
	// Message is the reason in words.
	Message string
}

// Classes of failed starts.
const (
	// ClassNotFound: the command's file does not exist. Code 127.
	ClassNotFound = "not-found"
	// ClassNotExecutable: the command's file cannot be executed: permission, folder, wrong format. Code 126.
	ClassNotExecutable = "not-executable"
	// ClassCwd: the working directory cannot be entered. Code 126.
	ClassCwd = "cwd"
	// ClassUser: user or groups cannot be set. Code 126.
	ClassUser = "user"
	// ClassMount: a mount or the root file system failed. Code 128.
	ClassMount = "mount"
	// ClassInvalid: the specification is not possible. Code 128.
	ClassInvalid = "invalid"
	// ClassBusy: the container is not in a state for it.
	ClassBusy = "busy"
	// ClassGone: what the request names does not exist or does not run any more.
	ClassGone = "gone"
	// ClassOther: anything else. Code 128.
	ClassOther = "other"
)

// Append appends the entry as a line with its line feed.
func (e Entry) Append(dst []byte) []byte {
	dst = append(dst, e.Kind...)
	dst = appendInt(dst, "run", e.Run)
	dst = appendInt(dst, "time", e.Time)
	dst = appendText(dst, "id", e.ID)
	dst = appendInt(dst, "pid", e.Pid)
	dst = appendInt(dst, "starttime", e.StartTime)
	dst = appendText(dst, "boot", e.Boot)
	dst = appendInt(dst, "count", e.Count)
	dst = appendInt(dst, "in", e.In)
	dst = appendInt(dst, "out", e.Out)
	dst = appendInt(dst, "err", e.Err)
	dst = appendInt(dst, "code", e.Code)
	dst = appendFlag(dst, "oom", e.OOM)
	if e.Restart {
		dst = append(dst, " restart"...)
	}
	dst = appendInt(dst, "delay", e.Delay)
	dst = appendText(dst, "class", e.Class)
	dst = appendText(dst, "message", e.Message)
	return append(dst, '\n')
}

// ParseEntry reads a line without its line feed; false when it is not a journal line.
func ParseEntry(line string) (Entry, bool) {
	words := Words(line)
	if len(words) == 0 {
		return Entry{}, false
	}
	e := Entry{Kind: words[0]}
	for i := range len(e.Kind) {
		if c := e.Kind[i]; (c < 'a' || c > 'z') && c != '-' {
			return Entry{}, false
		}
	}
	for _, word := range words[1:] {
		key, value, _ := cut(word)
		if !e.set(key, value) {
			return Entry{}, false
		}
	}
	return e, true
}

// set fills in one key; false when the value is broken.
func (e *Entry) set(key, value string) bool {
	ok := true
	switch key {
	case "run":
		e.Run = number(value)
	case "time":
		e.Time = number(value)
	case "id":
		e.ID, ok = Unescape(value)
	case "pid":
		e.Pid = number(value)
	case "starttime":
		e.StartTime = number(value)
	case "boot":
		e.Boot, ok = Unescape(value)
	case "count":
		e.Count = number(value)
	case "in":
		e.In = number(value)
	case "out":
		e.Out = number(value)
	case "err":
		e.Err = number(value)
	case "code":
		e.Code = number(value)
	case "oom":
		e.OOM = value == "1"
	case "restart":
		e.Restart = true
	case "delay":
		e.Delay = number(value)
	case "class":
		e.Class, ok = Unescape(value)
	case "message":
		e.Message, ok = Unescape(value)
	}
	return ok
}

//go:build linux

package main

import (
	"errors"
	"syscall"

	"github.com/cleat-dev/cleat/daemon/runtime/wire"
)

// state is where the container is in its life.
type state string

const (
	created    state = "created"    // nothing runs; the request to start may come
	starting   state = "starting"   // the creator is at work
	running    state = "running"    // the command runs
	ending     state = "ending"     // the command is dead, its output is being drained
	restarting state = "restarting" // dead; the policy starts it again when the timer is due
	done       state = "done"       // over; only sessions with unsent output are left
)

const (
	ioSize    = 256 << 10 // of a read from the container
	frameHead = 8         // of a frame of the Docker API, in front of the data
	// drainTime is how long output is read after the command's death, when somebody outside holds the pipe.
	drainTime = 1000
	// lingerTime is how long a session with unsent output may stand still after the container's end.
	lingerTime = 10 * 60 * 1000
	// logTime is how long a log receiver may take for the last lines.
	logTime = 5000
)

// A monitor owns one container.
type monitor struct {
	*loop
	stateDir, runDir string
	conf             wire.Conf
	journal          *journal
	log              logger
	state            state

	io     *stdio // of the container's command
	quiet  int    // epoll set of the container's output, which is muted while it lingers
	buf    []byte // frameHead bytes of room, then what is read
	input  []byte // what is read from clients
	packet []byte // what is read of control, reports, and small files

	run       int64 // number of the present or last run
	count     int64 // restarts by policy
	startedAt int64
	pid       int // of the command
	pidfd     int
	adopted   bool // the command is not our child
	exit      exitStatus
	backoff   int64 // milliseconds before the next restart
	restart   *timer
	stopped   bool // no restart: somebody stopped the container
	execs     []*execution
	creators  []*creator
	zombies   []int         // dead creators; see reapLater
	orphans   chan struct{} // see watchOrphans
	nextID    int64         // of sessions

	listener int
	conns    []*conn
	linger   linger
	flooded  bool // the buffers have grown and are to be given back
	gone     *timer
}

// exitStatus is how the command ended.
type exitStatus struct {
	code    int64
	unknown string // why the code is not known
	at      int64
}

var errConf = errors.New("monitor.conf is broken")

func newMonitor(stateDir, runDir string) (*monitor, error) {
	prctl(prSetChildSubreaper, 1)
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	m := &monitor{loop: l, stateDir: stateDir, runDir: runDir, state: created, pidfd: -1, listener: -1}
	m.buf, m.input, m.packet = region(frameHead+ioSize), region(32<<10), region(wire.MaxPacket)
	content := readSmall(stateDir+"/"+wire.ConfFile, m.buf)
	conf, ok := wire.ParseConf(string(content))
	if !ok || conf.ID == "" {
		return nil, errConf
	}
	m.conf, m.run, m.count = conf, conf.Run, conf.Count
	release(m.buf)
	if m.journal, err = openJournal(stateDir+"/"+wire.JournalFile, func(ms int64, call func()) *timer { return l.after(ms, call) }); err != nil {
		return nil, err
	}
	if m.log, err = m.openLog(); err != nil {
		return nil, err
	}
	if m.quiet, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	l.add(m.quiet, readable, func(uint32) { l.nested(m.quiet) })
	m.io = newStdio(m, conf.TTY, conf.Stdin)
	m.io.logged, m.io.once = true, conf.StdinOnce
	if conf.HostPID {
		if err := m.watchOrphans(); err != nil {
			return nil, err
		}
	}
	return m, m.listen()
}

// bell tells every connection that the journal has grown.
func (m *monitor) bell() {
	for _, c := range m.conns {
		c.say(wire.SayBell)
	}
}

// record writes a journal line and rings.
func (m *monitor) record(e wire.Entry) {
	if e.Run == 0 {
		e.Run = m.run
	}
	m.journal.append(e)
	m.bell()
}

// finish ends the ownership: the socket goes and the lock is given up before anybody can learn of it, so that whoever
// does may start the container again at once. Sessions with unsent output keep the process for a while.
func (m *monitor) finish() {
	if !m.journal.flush() {
		m.after(100, m.finish)
		return
	}
	m.state = done
	_ = syscall.Unlink(m.runDir + "/" + wire.Socket)
	m.close(m.listener)
	m.listener = -1
	m.log.close()
	m.journal.unlock()
	m.bell()
	m.leave()
}

// leave ends the program once no session has anything to send.
func (m *monitor) leave() {
	if m.state != done {
		return
	}
	m.cancel(m.gone)
	wait := int64(lingerTime)
	if len(m.io.clients) == 0 && m.sessionsOfExecs() == 0 {
		wait = 0 // the request that led here is still to be answered
		if len(m.zombies) > 0 {
			wait = reapTime // or whoever inherits them reaps them at once
		}
		if m.log.pending() {
			wait = logTime
		}
	}
	m.gone = m.after(wait, func() { syscall.Exit(0) })
}

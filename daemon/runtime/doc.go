// Package runtime runs containers: it opens a monitor (cmd/cleat-monitor) for each, speaks with it, reads its journal,
// and takes containers over again after the daemon or a monitor has died. It is the only package of the daemon that knows
// of monitors, and with cmd/cleat-creator the only one that knows how a container's command is started.
//
// The journal is the truth, the control socket a bell. Whatever happens to a container is a line of its journal, written by
// the monitor; [Config.OnEntry] gets each line once and in order, with the offset behind it, which the caller stores in the
// same transaction as what the line means. After kill -9 of the daemon [Runtime.Adopt] goes on from the stored offsets: what
// was missed and what happens next take one path. Where a monitor died as well, the runtime settles what is open and
// writes the missing lines itself.
//
// Files per container, both folders being those of [Config]:
//
//	<StateRoot>/<id>/config.json monitor.conf journal monitor.err   on disk: they outlive a reboot
//	<ExecRoot>/<id>/sock lc/                                        may be in memory
//
// and for all of them <ExecRoot>/filter-*, compiled seccomp programs, which are removed when a runtime begins.
//
// All control groups are below /cleat-<hash of StateRoot>/, so that daemons with different roots do not touch each other's.
//
// A [Process] is safe for concurrent use. Calls end with their context; a call that ends early may still take effect.
package runtime

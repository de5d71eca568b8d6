//go:build linux

package main

import (
	"io"

	"github.com/hashicorp/go-hclog"
	"github.com/sirupsen/logrus"
)

// adoptLogs has what libraries say in logrus' one logger of the program, containerd's above all, said in the daemon's.
func adoptLogs(log hclog.Logger) {
	std := logrus.StandardLogger()
	std.SetOutput(io.Discard)
	std.SetLevel(logrusLevel(log.GetLevel()))
	std.ReplaceHooks(logrus.LevelHooks{})
	std.AddHook(forward{log})
}

// forward is a hook that passes entries on.
type forward struct{ log hclog.Logger }

// Levels implements logrus.Hook.
func (forward) Levels() []logrus.Level { return logrus.AllLevels }

// Fire implements logrus.Hook.
func (f forward) Fire(e *logrus.Entry) error {
	level := hclog.Error // and what is worse: the program ends of it or not, as the library wants
	switch e.Level {
	case logrus.WarnLevel, logrus.InfoLevel: // details here: what a library cannot do comes to us as an error
		level = hclog.Debug
	case logrus.DebugLevel, logrus.TraceLevel:
		level = hclog.Trace
	}
	fields := make([]any, 0, 2*len(e.Data))
	for key, value := range e.Data {
		fields = append(fields, key, value)
	}
	f.log.Log(level, e.Message, fields...)
	return nil
}

// logrusLevel is what a library may leave out because nobody hears it.
func logrusLevel(level hclog.Level) logrus.Level {
	switch level {
	case hclog.Trace:
		return logrus.TraceLevel
	case hclog.Debug:
		return logrus.InfoLevel
	default:
		return logrus.ErrorLevel
	}
}

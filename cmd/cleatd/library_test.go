//go:build linux

package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/sirupsen/logrus"
)

// What containerd logs is in the daemon's log with its fields: errors as such, the rest as details. Not parallel: logrus has one logger.
func TestLibraryLogs(t *testing.T) {
	for level, want := range map[hclog.Level]string{
		hclog.Info:  "[ERROR] cleatd.library: lost: error=boom|",
		hclog.Debug: "[DEBUG] cleatd.library: news|[DEBUG] cleatd.library: odd|[ERROR] cleatd.library: lost: error=boom|",
		hclog.Error: "[ERROR] cleatd.library: lost: error=boom|",
	} {
		var out bytes.Buffer
		adoptLogs(hclog.New(&hclog.LoggerOptions{Name: "cleatd", Level: level, Output: &out, DisableTime: true}).Named("library"))
		logrus.Debug("detail")
		logrus.Info("news")
		logrus.Warn("odd")
		logrus.WithError(errors.New("boom")).Error("lost")
		if got := strings.ReplaceAll(out.String(), "\n", "|"); got != want {
			t.Errorf("%s: %q, want %q", level, got, want)
		}
	}
}

package image

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/cleat-dev/cleat/internal/progress"
)

// keptLines is how many of a build's last lines an error shows.
const keptLines = 20

// step matches how builders announce a step: docker's "Step 2/5 : RUN make", podman's "STEP 2/5: RUN make", with the
// stage in front where there are several.
var step = regexp.MustCompile(`(?i)^(?:\[\d+/\d+\] )?step (\d+)(?:/(\d+))? ?: (.*)$`)

// buildLog follows the output of a build.
type buildLog struct {
	ctx  context.Context
	name string
	file io.Writer // may be nil

	open    string // a line whose end has not come yet
	lines   []string
	step    string
	at, of  int64
	imageID string
	fileErr error
}

func (l *buildLog) report(m message) {
	switch {
	case m.Stream != "":
		l.write(m.Stream)
	case m.Status != "":
		text := m.Status
		if m.ID != "" {
			text = m.ID + ": " + text
		}
		progress.Report(l.ctx, progress.Event{Object: l.name, Message: text, Current: l.at, Total: l.of})
	case len(m.Aux) > 0:
		var result struct{ ID string }
		if err := json.Unmarshal(m.Aux, &result); err == nil && result.ID != "" {
			l.imageID = result.ID
		}
	}
}

func (l *buildLog) write(text string) {
	if l.file != nil && l.fileErr == nil {
		_, l.fileErr = io.WriteString(l.file, text)
	}
	lines := strings.Split(l.open+text, "\n")
	l.open = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		l.line(strings.TrimRight(line, "\r"))
	}
}

func (l *buildLog) line(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	if found := step.FindStringSubmatch(line); found != nil {
		l.step = line
		l.at, _ = strconv.ParseInt(found[1], 10, 64)
		l.of, _ = strconv.ParseInt(found[2], 10, 64)
	}
	if l.lines = append(l.lines, line); len(l.lines) > keptLines {
		l.lines = l.lines[1:]
	}
	progress.Report(l.ctx, progress.Event{Object: l.name, Message: line, Current: l.at, Total: l.of})
}

// failed words the error of a build: the step, the reason and the last lines before it.
func (l *buildLog) failed(err error) error {
	if l.open != "" {
		l.write("\n")
	}
	where := "build"
	if l.step != "" {
		where += ": " + l.step
	}
	if len(l.lines) == 0 {
		return fmt.Errorf("image %q: %s: %w", l.name, where, err)
	}
	return fmt.Errorf("image %q: %s: %w\nlast output of the build:\n  %s", l.name, where, err, strings.Join(l.lines, "\n  "))
}

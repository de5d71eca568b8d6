package view

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/apply"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

func containsText(s, part string) bool { return strings.Contains(s, part) }

// clock is moved by hand.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// run tells a view an apply with a success, a failure and one that is not tried.
func run(t *testing.T, v Apply, c *clock) {
	t.Helper()
	image, web, db := address(t, "docker_image.base"), address(t, "docker_container.web"), address(t, "docker_container.db")
	v.Applying(&plan.Plan{})
	v.Observe(apply.Event{Kind: apply.Started, Address: image, Action: plan.Create})
	for range 24 {
		c.at = c.at.Add(500 * time.Millisecond)
		v.Observe(apply.Event{Kind: apply.Progress, Address: image, Action: plan.Create, Phase: "pulling", Message: "layer\x1b[2J 2", Current: 1 << 20, Total: 4 << 20, Elapsed: c.at.Sub(fixed())})
	}
	v.Observe(apply.Event{Kind: apply.Completed, Address: image, Action: plan.Create, Elapsed: 12 * time.Second, ID: "sha256:0123456789abcdef0123456789abcdef"})
	v.Observe(apply.Event{Kind: apply.Started, Address: web, Action: plan.Replace, Host: "backup"})
	v.Interrupted(false)
	v.Observe(apply.Event{Kind: apply.Errored, Address: web, Action: plan.Replace, Host: "backup", Elapsed: 300 * time.Millisecond, Err: errors.New("no such image")})
	v.Observe(apply.Event{Kind: apply.Skipped, Address: db, Action: plan.Create})
	v.Applied(&apply.Report{
		Done: plan.Summary{Add: 1}, Failed: []graph.Instance{web}, NotTried: []graph.Instance{db}, Elapsed: 75 * time.Second,
		Outputs: []plan.Output{
			{Name: "url", After: cty.StringVal("http://10.0.0.2")},
			{Name: "token", After: cty.StringVal("secret"), Sensitive: true},
		},
	})
}

func TestApplyOutput(t *testing.T) {
	t.Parallel()
	for name, json := range map[string]bool{"apply_plain": false, "apply_json": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := newScreen(), &clock{fixed()}
			o := options(s)
			o.JSON, o.Now = json, c.now
			run(t, NewApply(o), c)
			golden(t, name, s.out.String())
			if containsText(s.out.String(), "secret\"") || containsText(s.out.String(), "\x1b") {
				t.Errorf("a secret or an escape sequence is printed:\n%s", &s.out)
			}
		})
	}
}

func TestApplyComplete(t *testing.T) {
	t.Parallel()
	s := newScreen()
	v := NewApply(options(s))
	v.Applying(&plan.Plan{Destroy: true})
	v.Applied(&apply.Report{Done: plan.Summary{Destroy: 2, Forget: 1}, Elapsed: 1500 * time.Millisecond})
	want := "\n\nDestroy complete: 0 added, 0 changed, 0 replaced, 2 destroyed, 1 forgotten in 1.5s.\n"
	if diff := cmp.Diff(want, s.out.String()); diff != "" {
		t.Error(diff)
	}
}

// The live view redraws its rows in place: what a terminal shows in the end must be the finished lines only.
func TestLive(t *testing.T) {
	t.Parallel()
	s, c := newScreen(), &clock{fixed()}
	width, height := 60, 24
	s.Size = func() (int, int) { return width, height }
	o := options(s)
	o.Now = c.now
	l := newLive(o, true)
	a, b := address(t, "docker_container.a"), address(t, "docker_container.b")
	screen := func() string { l.draw(); return emulate(s.out.String(), width) }

	l.Observe(apply.Event{Kind: apply.Started, Address: a, Action: plan.Create})
	l.Observe(apply.Event{Kind: apply.Started, Address: b, Action: plan.Replace, Host: "x"})
	c.at = c.at.Add(3 * time.Second)
	want := "⠋ docker_container.a  creating                         3.0s\n" +
		"⠋ docker_container.b on \"x\"  replacing                 3.0s\n"
	if diff := cmp.Diff(want, padRight(screen())); diff != "" {
		t.Errorf("two rows: -want +got\n%s", diff)
	}

	l.Observe(apply.Event{Kind: apply.Completed, Address: a, Action: plan.Create, Elapsed: 3 * time.Second})
	l.Observe(apply.Event{Kind: apply.Progress, Address: b, Action: plan.Replace, Phase: "stopping the old one with a very long message that does not fit"})
	want = "docker_container.a: created in 3.0s\n" +
		"⠙ docker_container.b  stopping the old one with a ver… 3.0s\n"
	if diff := cmp.Diff(want, padRight(screen())); diff != "" {
		t.Errorf("one finished: -want +got\n%s", diff)
	}

	width = 30 // the rows on the screen are wrapped now: two lines are one row
	rewrapped := onScreen(l.drawn, width)
	if rewrapped != 2 {
		t.Errorf("rows on a narrower screen: got %d, want 2", rewrapped)
	}
	width = 60
	l.note("a note")
	l.Observe(apply.Event{Kind: apply.Errored, Address: b, Action: plan.Replace, Elapsed: 4 * time.Second})
	l.Settle()
	want = "docker_container.a: created in 3.0s\na note\ndocker_container.b: failed after 4.0s\n"
	if diff := cmp.Diff(want, emulate(s.out.String(), width)); diff != "" {
		t.Errorf("settled: -want +got\n%s", diff)
	}
}

// More rows than the terminal has lines are counted, not drawn: rows that scrolled away cannot be redrawn.
func TestLiveLow(t *testing.T) {
	t.Parallel()
	s := newScreen()
	s.Size = func() (int, int) { return 40, 4 }
	l := newLive(options(s), true)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		l.Observe(apply.Event{Kind: apply.Started, Address: address(t, "docker_volume."+name), Action: plan.Create})
	}
	l.draw()
	lines := strings.Split(strings.TrimSuffix(emulate(s.out.String(), 40), "\n"), "\n")
	if len(lines) != 3 || lines[2] != "  … and 3 more" {
		t.Errorf("got %q", lines)
	}
}

// padRight takes away trailing spaces, which an editor would take from the test.
func padRight(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// emulate is what a terminal shows of text that uses nothing but cursor up, carriage return and clear below.
func emulate(s string, width int) string {
	var lines []string
	at := 0
	for s != "" {
		if strings.HasPrefix(s, "\x1b[") {
			end := strings.IndexAny(s, "AJ")
			n := 0
			for _, r := range s[2:end] {
				n = n*10 + int(r-'0')
			}
			if s[end] == 'A' {
				at -= n
			} else {
				lines = lines[:at]
			}
			s = s[end+1:]
			continue
		}
		if s[0] == '\r' {
			s = s[1:]
			continue
		}
		line, rest, _ := strings.Cut(s, "\n")
		if columns(line) > width {
			line = "TOO WIDE: " + line
		}
		lines = append(lines[:at], line)
		at++
		s = rest
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestShortID(t *testing.T) {
	t.Parallel()
	hex := strings.Repeat("0123456789abcdef", 4)
	for in, want := range map[string]string{
		hex: "0123456789ab", "sha256:" + hex: "0123456789ab", "sha256:" + hex + "web:1": "0123456789ab",
		"data": "data", "deadbeef": "deadbeef", "": "",
	} {
		if got := shortID(in); got != want {
			t.Errorf("shortID(%q): got %q, want %q", in, got, want)
		}
	}
}

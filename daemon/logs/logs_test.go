//go:build linux

package logs_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/cleat-dev/cleat/daemon/logs"
)

var begin = time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)

// entry is a record as the tests make and see it.
type entry struct {
	Stream byte
	Time   time.Time
	Text   string
}

// encode writes a record as the monitor does.
func encode(e entry) string {
	text, err := json.Marshal(e.Text)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"log":%s,"stream":%q,"time":%q}`+"\n", text, []string{1: "stdout", 2: "stderr"}[e.Stream],
		e.Time.UTC().Format("2006-01-02T15:04:05.000000000Z"))
}

// numbered is the nth record of a log.
func numbered(n int) entry {
	return entry{Stream: byte(1 + n%3%2), Time: begin.Add(time.Duration(n) * time.Millisecond), Text: "line " + strconv.Itoa(n) + "\n"}
}

// writeLog writes count records over files, the oldest first, and returns the log's path.
func writeLog(t testing.TB, count, files int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c-json.log")
	for file := range files {
		var b strings.Builder
		for n := file * count / files; n < (file+1)*count/files; n++ {
			b.WriteString(encode(numbered(n)))
		}
		name := path
		if k := files - 1 - file; k > 0 {
			name += "." + strconv.Itoa(k)
		}
		if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func read(t testing.TB, path string, o logs.Options) []entry {
	t.Helper()
	var got []entry
	err := logs.Read(t.Context(), path, o, func(stream byte, at time.Time, line []byte) error {
		got = append(got, entry{stream, at, string(line)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// all are the options for everything there is.
func all() logs.Options { return logs.Options{Stdout: true, Stderr: true, Tail: -1} }

func entries(from, to int, want func(entry) bool) []entry {
	var list []entry
	for n := from; n < to; n++ {
		if e := numbered(n); want == nil || want(e) {
			list = append(list, e)
		}
	}
	return list
}

func TestRead(t *testing.T) {
	t.Parallel()
	const count = 5000
	path := writeLog(t, count, 3)
	for name, c := range map[string]struct {
		change func(*logs.Options)
		want   []entry
	}{
		"all":             {func(*logs.Options) {}, entries(0, count, nil)},
		"stdout":          {func(o *logs.Options) { o.Stderr = false }, entries(0, count, func(e entry) bool { return e.Stream == 1 })},
		"stderr":          {func(o *logs.Options) { o.Stdout = false }, entries(0, count, func(e entry) bool { return e.Stream == 2 })},
		"neither":         {func(o *logs.Options) { o.Stdout, o.Stderr = false, false }, nil},
		"tail 0":          {func(o *logs.Options) { o.Tail = 0 }, nil},
		"tail 1":          {func(o *logs.Options) { o.Tail = 1 }, entries(count-1, count, nil)},
		"tail in newest":  {func(o *logs.Options) { o.Tail = 100 }, entries(count-100, count, nil)},
		"tail of a file":  {func(o *logs.Options) { o.Tail = count - 2*count/3 }, entries(2*count/3, count, nil)},
		"tail over files": {func(o *logs.Options) { o.Tail = 4000 }, entries(1000, count, nil)},
		"tail of more":    {func(o *logs.Options) { o.Tail = count + 1 }, entries(0, count, nil)},
		"since":           {func(o *logs.Options) { o.Since = numbered(3210).Time }, entries(3210, count, nil)},
		"since start":     {func(o *logs.Options) { o.Since = begin.Add(-time.Hour) }, entries(0, count, nil)},
		"since future":    {func(o *logs.Options) { o.Since = begin.Add(time.Hour) }, nil},
		"since zone":      {func(o *logs.Options) { o.Since = numbered(7).Time.In(time.FixedZone("x", 7200)) }, entries(7, count, nil)},
		"until":           {func(o *logs.Options) { o.Until = numbered(321).Time }, entries(0, 322, nil)},
		"window":          {func(o *logs.Options) { o.Since, o.Until = numbered(1600).Time, numbered(1700).Time }, entries(1600, 1701, nil)},
		"tail and since":  {func(o *logs.Options) { o.Tail, o.Since = 50, numbered(count-20).Time }, entries(count-20, count, nil)},
		"since and tail":  {func(o *logs.Options) { o.Tail, o.Since = 20, numbered(count-50).Time }, entries(count-20, count, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := all()
			c.change(&o)
			if diff := cmp.Diff(c.want, read(t, path, o)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every tail and every since give what counting and comparing give, whatever the lengths of lines are.
func TestPlacesAreFound(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		dir := t.TempDir()
		path := filepath.Join(dir, "log")
		var list []entry
		files := 1 + random.IntN(4)
		for file := range files {
			var b strings.Builder
			for range random.IntN(40) {
				e := numbered(len(list))
				e.Text = strings.Repeat("é\"\\", random.IntN(1<<random.IntN(14))) + "\n"
				list = append(list, e)
				b.WriteString(encode(e))
			}
			name := path
			if k := files - 1 - file; k > 0 {
				name += "." + strconv.Itoa(k)
			}
			if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for n := range len(list) + 1 {
			o := all()
			o.Tail = n
			if diff := cmp.Diff(append([]entry(nil), list[len(list)-n:]...), read(t, path, o)); diff != "" {
				t.Fatalf("tail %d of %d in %d files: %s", n, len(list), files, diff)
			}
			o = all()
			o.Since = numbered(n).Time
			if diff := cmp.Diff(append([]entry(nil), list[n:]...), read(t, path, o)); diff != "" {
				t.Fatalf("since %d of %d in %d files: %s", n, len(list), files, diff)
			}
		}
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	good := encode(numbered(1))
	for name, c := range map[string]struct {
		log     string
		want    []entry
		damaged int64
	}{
		"none":            {good + good, []entry{numbered(1), numbered(1)}, 0},
		"empty":           {"", nil, 0},
		"unfinished":      {good + good[:30], []entry{numbered(1)}, 0},
		"torn":            {good[:30] + good, nil, 1},
		"torn, newline":   {good[:30] + "\n" + good, []entry{numbered(1)}, 1},
		"empty line":      {"\n" + good, []entry{numbered(1)}, 1},
		"zeros":           {strings.Repeat("\x00", 5000) + "\n" + good, []entry{numbered(1)}, 1},
		"overlong":        {`{"log":"` + strings.Repeat("x", 5<<20) + "\n" + good, []entry{numbered(1)}, 1},
		"bad stream":      {strings.Replace(good, "stdout", "stdin", 1) + strings.Replace(good, "stderr", "stdfoo", 1) + good, []entry{numbered(1)}, 1},
		"bad time":        {strings.Replace(good, "2026-11", "2026-13", 1) + good, []entry{numbered(1)}, 1},
		"bad nanoseconds": {strings.Replace(good, ".00", ".0x", 1) + good, []entry{numbered(1)}, 1},
		"bad escape":      {strings.Replace(good, `\n`, `\x`, 1) + good, []entry{numbered(1)}, 1},
		"bare quote":      {strings.Replace(good, `line`, `li"ne`, 1) + good, []entry{numbered(1)}, 1},
		"bare control":    {strings.Replace(good, `line`, "li\tne", 1) + good, []entry{numbered(1)}, 1},
		"other order": {
			`{ "time":"2026-11-22T08:00:00.001+01:00", "stream":"stderr","log":"line 1\n" }` + "\n",
			[]entry{{2, numbered(1).Time, "line 1\n"}}, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "bad stream" {
				c.damaged = 2
				c.log = strings.Replace(good, "std", "xxx", 1) + strings.Replace(good, "stderr", "stdin", 1) + good
				if numbered(1).Stream == 1 {
					c.log = strings.Replace(good, "std", "xxx", 1) + strings.Replace(good, "stdout", "stdin", 1) + good
				}
			}
			path := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(path, []byte(c.log), 0o600); err != nil {
				t.Fatal(err)
			}
			var stats logs.Stats
			o := all()
			o.Stats = &stats
			if diff := cmp.Diff(c.want, read(t, path, o)); diff != "" {
				t.Error(diff)
			}
			if want := (logs.Stats{Records: int64(len(c.want)), Damaged: c.damaged}); stats != want {
				t.Errorf("met %+v, want %+v", stats, want)
			}
		})
	}
}

func TestNoLog(t *testing.T) {
	t.Parallel()
	if got := read(t, filepath.Join(t.TempDir(), "log"), all()); got != nil {
		t.Error(got)
	}
	o := all()
	o.Follow = true
	err := logs.Read(t.Context(), filepath.Join(t.TempDir(), "nowhere", "log"), o, nil)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("followed a log in a folder that does not exist: %v", err)
	}
}

func frame(stream byte, text string) string {
	return string(binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(text)))) + text
}

func TestCopy(t *testing.T) {
	t.Parallel()
	const attrs = `,"attrs":{"tag":"a b","env":"x,y"},"time"`
	path := filepath.Join(t.TempDir(), "log")
	raw := "ä\x1b[1m \xff\xfe\u2028 \U0001F600 \" \\ / \b\f\n\r\t\x00\x7f"
	text := encode(entry{1, begin, "one\n"}) +
		strings.Replace(encode(entry{2, begin.Add(1), "two\n"}), `,"time"`, attrs, 1) +
		strings.Replace(encode(entry{2, begin.Add(2), "three"}), `,"time"`, attrs, 1) + // remembered attributes
		`{"log":"ä\u001b[1m ` + "\xff\xfe" + `\u2028 \ud83d\ude00 \" \\ \/ \b\f\n\r\t\u0000` + "\x7f" + `","stream":"stdout","time":"2026-11-22T07:00:00.000000003Z"}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := "2026-11-22T07:00:00.00000000"
	for name, c := range map[string]struct {
		timestamps, details, raw bool
		want                     string
	}{
		"frames":     {false, false, false, frame(1, "one\n") + frame(2, "two\n") + frame(2, "three") + frame(1, raw)},
		"raw":        {false, false, true, "one\ntwo\nthree" + raw},
		"timestamps": {true, false, true, at + "0Z one\n" + at + "1Z two\n" + at + "2Z three" + at + "3Z " + raw},
		"details":    {false, true, true, " one\nenv=x%2Cy,tag=a+b two\nenv=x%2Cy,tag=a+b three " + raw},
		"both":       {true, true, false, frame(1, at+"0Z  one\n") + frame(2, at+"1Z env=x%2Cy,tag=a+b two\n") + frame(2, at+"2Z env=x%2Cy,tag=a+b three") + frame(1, at+"3Z  "+raw)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := all()
			o.Timestamps, o.Details = c.timestamps, c.details
			var got bytes.Buffer
			if err := logs.Copy(t.Context(), path, o, &got, c.raw); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// rotator writes a log as the monitor does.
type rotator struct {
	path  string
	files int
	size  int
	f     *os.File
	n     int
}

func (r *rotator) write(t testing.TB, e entry) {
	if r.f == nil || r.n > r.size {
		if r.f != nil {
			r.f.Close()
			for k := r.files - 1; k > 0; k-- {
				older, newer := r.path+"."+strconv.Itoa(k), r.path
				if k > 1 {
					newer += "." + strconv.Itoa(k-1)
				}
				_ = os.Rename(newer, older)
			}
		}
		f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Error(err)
			return
		}
		r.f, r.n = f, 0
	}
	n, err := r.f.WriteString(encode(e))
	if err != nil {
		t.Error(err)
	}
	r.n += n
}

// Followers that keep up see each line once, through rotations, and the end.
func TestFollow(t *testing.T) {
	t.Parallel()
	const count, followers = 20000, 4
	w, err := logs.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &rotator{path: filepath.Join(t.TempDir(), "log"), files: 50, size: 64 << 10}
	ended := make(chan struct{})
	var group sync.WaitGroup
	for range followers {
		group.Go(func() {
			o := all()
			o.Follow, o.Ended, o.Watcher = true, ended, w
			next := 0
			err := logs.Read(t.Context(), r.path, o, func(stream byte, at time.Time, line []byte) error {
				if want := numbered(next); want.Text != string(line) || want.Stream != stream || !want.Time.Equal(at) {
					return fmt.Errorf("got %q, want %q", line, want.Text)
				}
				next++
				return nil
			})
			if err != nil || next != count {
				t.Errorf("%d lines of %d: %v", next, count, err)
			}
		})
	}
	for n := range count {
		r.write(t, numbered(n))
	}
	close(ended)
	group.Wait()
	if r.f.Close() != nil {
		t.Error("close")
	}
}

// flushed is a writer that tells when it is flushed.
type flushed struct {
	bytes.Buffer
	flush func()
}

func (f *flushed) Flush() { f.flush() }

func TestFollowFlushesAndEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(cancel func(), dir string, o *logs.Options) func() error{
		"context": func(cancel func(), _ string, _ *logs.Options) func() error {
			return func() error { cancel(); return nil }
		},
		"folder gone": func(_ func(), dir string, _ *logs.Options) func() error {
			return func() error { return os.RemoveAll(dir) }
		},
		"ended": func(_ func(), _ string, o *logs.Options) func() error {
			ended := make(chan struct{})
			o.Ended = ended
			return func() error { close(ended); return nil }
		},
		"watcher closed": func(_ func(), _ string, o *logs.Options) func() error { return o.Watcher.Close },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := logs.NewWatcher()
			if err != nil {
				t.Fatal(err)
			}
			if name != "watcher closed" {
				t.Cleanup(func() { w.Close() })
			}
			dir := filepath.Join(t.TempDir(), "c")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "log")
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := all()
			o.Follow, o.Watcher = true, w
			finish := end(cancel, dir, &o)
			r := &rotator{path: path, size: 1 << 20}
			turns := 0
			out := &flushed{}
			out.flush = func() { // called when the follower is about to wait
				if turns++; turns <= 3 {
					r.write(t, numbered(turns))
				} else if turns == 4 {
					if err := finish(); err != nil {
						t.Error(err)
					}
				}
			}
			err = logs.Copy(ctx, path, o, out, true)
			if name == "context" != errors.Is(err, context.Canceled) || name != "context" && err != nil {
				t.Error(err)
			}
			if want := "line 1\nline 2\nline 3\n"; out.String() != want {
				t.Errorf("got %q", out.String())
			}
		})
	}
}

// A call that does not follow ends although the log grows faster than it is read.
func TestNoFollowEnds(t *testing.T) {
	t.Parallel()
	r := &rotator{path: filepath.Join(t.TempDir(), "log"), files: 3, size: 4 << 10}
	for n := range 200 {
		r.write(t, numbered(n))
	}
	n := 200
	err := logs.Read(t.Context(), r.path, all(), func(byte, time.Time, []byte) error {
		for range 3 {
			r.write(t, numbered(n))
			n++
		}
		return nil
	})
	if err != nil || n > 200+3*200 {
		t.Errorf("%d written: %v", n, err)
	}
}

func TestSinkErrorEnds(t *testing.T) {
	t.Parallel()
	want := errors.New("gone")
	calls := 0
	err := logs.Read(t.Context(), writeLog(t, 10, 1), all(), func(byte, time.Time, []byte) error { calls++; return want })
	if !errors.Is(err, want) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	if err := logs.Copy(t.Context(), writeLog(t, 10, 1), all(), failing{want}, false); !errors.Is(err, want) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// What encoding/json reads from a line we read too, and what it refuses we count.
func FuzzLine(f *testing.F) {
	f.Add(encode(numbered(1)))
	f.Add(`{"log":"\ud800\u00e9\\\"\/\b\f\n\r\t","stream":"stderr","time":"2026-11-22T07:16:38.123456789Z"}`)
	f.Add(`{"log":"x","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-22T07:16:38.123456789Z"}`)
	f.Add(`{"log":"x","x":{"a":1,"attrs":{"a":"b"}},"stream":"stdout","attrs":{},"time":"2026-11-22T07:16:38.123456789Z"}`)
	f.Add("{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"2026-02-30T07:16:38.123456789Z\"}\n{}\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var want []entry
		var damaged int64
		for line := range strings.SplitSeq(text, "\n") {
			if e, ok := decode(line); ok {
				want = append(want, e)
			} else {
				damaged++
			}
		}
		var stats logs.Stats
		o := all()
		o.Stats = &stats
		got := read(t, path, o)
		for i := range got { // encoding/json cannot be byte-exact
			got[i].Text = string([]rune(got[i].Text))
		}
		if diff := cmp.Diff(want, got); diff != "" || stats.Damaged != damaged {
			t.Errorf("%d damaged, want %d; %s", stats.Damaged, damaged, diff)
		}
	})
}

func decode(line string) (entry, bool) {
	var o struct {
		Log, Stream *string
		Time        time.Time
		Attrs       map[string]string
	}
	if json.Unmarshal([]byte(line), &o) != nil || o.Log == nil || o.Stream == nil || o.Time.UTC().Year() < 0 || o.Time.UTC().Year() > 9999 {
		return entry{}, false
	}
	switch *o.Stream {
	case "stdout":
		return entry{1, o.Time.UTC(), *o.Log}, true
	case "stderr":
		return entry{2, o.Time.UTC(), *o.Log}, true
	default:
		return entry{}, false
	}
}

// processorTime is what the process has used: on a busy machine the figure that can be compared.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCopy: bytes are those of the text, as in the figures of MONITOR.md.
func BenchmarkCopy(b *testing.B) {
	for name, text := range map[string]string{
		"100B":    strings.Repeat("x", 99) + "\n",
		"1000B":   strings.Repeat("x", 999) + "\n",
		"20B":     strings.Repeat("x", 19) + "\n",
		"escaped": strings.Repeat("\"x\t", 33) + "\n",
	} {
		const total = 64 << 20
		path := filepath.Join(b.TempDir(), "log")
		var log bytes.Buffer
		for n := range total / len(text) {
			log.WriteString(encode(entry{1, begin.Add(time.Duration(n) * time.Microsecond), text}))
		}
		if err := os.WriteFile(path, log.Bytes(), 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(total)
			before := processorTime(b)
			for b.Loop() {
				if err := logs.Copy(b.Context(), path, all(), io.Discard, false); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*total/1e6/(processorTime(b)-before).Seconds(), "MB/cpu-s")
		})
		b.Run(name+"/tail", func(b *testing.B) {
			o := all()
			o.Tail = 10
			for b.Loop() {
				if err := logs.Copy(b.Context(), path, o, io.Discard, false); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/since", func(b *testing.B) {
			o := all()
			o.Since, o.Tail = begin.Add(time.Duration(total/len(text)-10)*time.Microsecond), -1
			for b.Loop() {
				if err := logs.Copy(b.Context(), path, o, io.Discard, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

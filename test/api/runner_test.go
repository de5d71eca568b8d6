package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// runner does the lines of one case. A request is sent when the first line about its answer, or the next request,
// comes.
type runner struct {
	t      *testing.T
	e      *engine
	prefix string
	vars   map[string]string

	pending *request
	answer  *answer
	what    string
	stream  bool
}

type request struct {
	method, path string
	header       http.Header
	body         []byte
}

func (r *runner) line(line string) {
	r.t.Helper()
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH":
		r.flush()
		r.what = r.expand(line)
		path := r.expand(rest)
		if plain, ok := strings.CutPrefix(path, "^"); ok {
			path = plain
		} else {
			path = r.prefix + path
		}
		r.pending, r.stream = &request{method: word, path: path, header: http.Header{}}, false
	case ">":
		name, value, _ := strings.Cut(r.expand(rest), ": ")
		r.pending.header.Set(name, value)
	case "|":
		r.addBody(r.expand(rest))
	case "tar":
		r.pending.body = tarball(r.t, r.files(line)...)
		r.pending.header.Set("Content-Type", "application/x-tar")
	case "create", "run", "ready", "done", "image":
		r.flush()
		r.prepare(word, r.expand(rest))
	default:
		r.flush()
		if r.answer == nil {
			r.t.Fatalf("%q before any request", line)
		}
		r.check(word, rest)
	}
}

func (r *runner) addBody(text string) {
	if len(r.pending.body) > 0 {
		text = "\n" + text
	}
	r.pending.body = append(r.pending.body, text...)
	if r.pending.header.Get("Content-Type") == "" {
		r.pending.header.Set("Content-Type", "application/json")
	}
}

// files reads name=text words; text is Go-quoted when it has spaces.
func (r *runner) files(line string) [][2]string {
	var files [][2]string
	for _, word := range words(strings.TrimPrefix(line, "tar ")) {
		name, text, _ := strings.Cut(r.expand(word), "=")
		if quoted, err := strconv.Unquote(text); err == nil {
			text = quoted
		}
		files = append(files, [2]string{name, text})
	}
	return files
}

// words splits at spaces outside of double quotes.
func words(s string) []string {
	quoted, escaped := false, false
	return strings.FieldsFunc(s, func(c rune) bool {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		}
		return c == ' ' && !quoted
	})
}

func (r *runner) expand(s string) string {
	return os.Expand(s, func(name string) string {
		if value, ok := r.vars[name]; ok {
			return value
		}
		if name == "$" {
			return name
		}
		if name == "NOW" {
			now := time.Now()
			return fmt.Sprintf("%d.%09d", now.Unix(), now.Nanosecond())
		}
		return "$" + name // also the end of a regexp
	})
}

// flush sends the request that is waiting.
func (r *runner) flush() {
	r.t.Helper()
	if r.pending == nil {
		return
	}
	q := r.pending
	r.pending = nil
	if n := q.header.Get("Until-Events"); n != "" {
		r.answer = r.firstValues(q, n)
		return
	}
	var body io.Reader
	if q.body != nil {
		body = bytes.NewReader(q.body)
	}
	got := r.e.raw(r.t, q.method, q.path, q.header, body)
	r.answer = &got
}

// firstValues reads n JSON values of a stream that does not end, and leaves.
func (r *runner) firstValues(q *request, n string) *answer {
	r.t.Helper()
	count, err := strconv.Atoi(n)
	if err != nil {
		r.t.Fatal(err)
	}
	c := r.e.dial(r.t, q.method, q.path, string(q.body), false)
	got := &answer{status: c.status, header: c.header}
	for d := json.NewDecoder(c.r); count > 0; count-- {
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			r.t.Fatalf("%s: %v after %s", r.what, err, got.body)
		}
		got.body = append(append(got.body, value...), '\n')
	}
	_ = c.Close()
	return got
}

func (r *runner) prepare(word, rest string) {
	r.t.Helper()
	name, args, _ := strings.Cut(rest, " ")
	full := r.vars["N"] + "-" + name
	switch word {
	case "create":
		fields := map[string]any{}
		if args != "" {
			decode(r.t, []byte(args), &fields)
		}
		r.vars[name] = r.e.create(r.t, full, fields)
	case "run":
		command := []string{"sh", "-c", args}
		if strings.HasPrefix(args, "{") {
			fields := map[string]any{}
			decode(r.t, []byte(args), &fields)
			r.vars[name] = r.e.create(r.t, full, fields)
			r.e.must(r.t, "POST", "/containers/"+full+"/start", nil)
			return
		}
		r.vars[name] = r.e.run(r.t, full, nil, command...)
	case "ready":
		r.e.dial(r.t, "GET", "/containers/"+full+"/logs?stdout=1&follow=1", "", false).until("ready\n")
	case "done":
		r.e.must(r.t, "POST", "/containers/"+full+"/wait", nil)
	case "image":
		r.e.image(r.t, r.vars["N"]+"/"+name)
	}
}

func (r *runner) errorf(format string, args ...any) {
	r.t.Helper()
	body := r.answer.body
	if len(body) > 600 {
		body = append(slices.Clone(body[:600]), " …"...)
	}
	r.t.Errorf("%s\n%s\nanswer: %d %s\n%s", r.what, fmt.Sprintf(format, args...), r.answer.status, r.answer.header.Get("Content-Type"), body)
}

//go:build linux

package logs

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The streams of a record, numbered as in the frames of the attach and logs replies.
const (
	// Stdout is the stream byte of standard output.
	Stdout byte = 1
	// Stderr is the stream byte of standard error.
	Stderr byte = 2
)

const (
	timeLayout = "2006-01-02T15:04:05.000000000Z07:00" // dockerd's, always 9 digits; 30 bytes in UTC
	timeLen    = len("2006-01-02T15:04:05.000000000Z")

	head     = `{"log":"`
	stdout   = `","stream":"stdout"`
	stderr   = `","stream":"stderr"`
	timeHead = `,"time":"`
	timeTail = `"}`
	tailLen  = len(timeHead) + timeLen + len(timeTail)
	shortest = len(head) + len(stdout) + tailLen
)

// record is one line taken apart. Its slices are valid until the parser's next line.
type record struct {
	body    []byte // inside of the JSON string; checked by text
	time    []byte // timeLen bytes, UTC: compares as bytes
	details []byte // "key=value,key=value", sorted, query-escaped
	stream  byte
}

// parser takes lines apart. It remembers what hardly changes from line to line.
type parser struct {
	second [20]byte // "2006-01-02T15:04:05." of a time found valid
	attrs  []byte   // `,"attrs":{…}` as last written
	detail []byte   // and what it says
	other  [64]byte // a time that had to be rewritten
	ends   [2]ending
}

// ending is what follows the text in a record of a stream, up to the fraction of the second: so it goes on with those that follow.
type ending struct {
	text    []byte
	details []byte
}

// fraction is what comes behind an ending: the digits, Z, and the tail.
const fraction = len("000000000Z") + len(timeTail)

// again takes a line apart that ends as an earlier one did, but for the fraction of the second.
func (p *parser) again(line []byte) (r record, ok bool) {
	n := len(line) - fraction
	for i := range p.ends {
		e := &p.ends[i]
		at := n - len(e.text)
		if len(e.text) == 0 || at < len(head) || string(line[at:n]) != string(e.text) {
			continue
		}
		if string(line[:len(head)]) != head || string(line[n+9:]) != "Z"+timeTail || line[n+8]-'0' > 9 || !digits(binary.LittleEndian.Uint64(line[n:])) {
			return r, false
		}
		return record{body: line[len(head):at], time: line[n-20 : n+10], details: e.details, stream: Stdout + byte(i)}, true
	}
	return r, false
}

// keep makes the ending of a line that was taken apart the one to expect.
func (p *parser) keep(line []byte, r record) {
	e := &p.ends[r.stream-Stdout]
	e.text, e.details = append(e.text[:0], line[len(head)+len(r.body):len(line)-fraction]...), r.details
}

// parse takes one line, without its newline, apart. ok is false when it is not a record.
func (p *parser) parse(line []byte) (r record, ok bool) {
	if r, ok := p.again(line); ok {
		return r, true
	}
	n := len(line) - tailLen
	if len(line) < shortest || string(line[:len(head)]) != head || string(line[n:n+len(timeHead)]) != timeHead ||
		string(line[len(line)-len(timeTail):]) != timeTail {
		return p.parseAny(line)
	}
	r.time = line[n+len(timeHead):][:timeLen]
	if !p.validTime(r.time) {
		return p.parseAny(line)
	}
	if len(p.attrs) > 0 && bytes.HasSuffix(line[:n], p.attrs) {
		r.details = p.detail
		n -= len(p.attrs)
	}
	if n -= len(stdout); n < len(head) {
		return p.parseAny(line)
	}
	switch string(line[n : n+len(stdout)]) {
	case stdout:
		r.stream = Stdout
	case stderr:
		r.stream = Stderr
	default:
		return p.parseAny(line)
	}
	r.body = line[len(head):n]
	p.keep(line, r)
	return r, true
}

// validTime reports whether t is a UTC time in the writer's form.
func (p *parser) validTime(t []byte) bool {
	if t[29] != 'Z' || t[28]-'0' > 9 || !digits(binary.LittleEndian.Uint64(t[20:])) {
		return false
	}
	if string(t[:20]) == string(p.second[:]) {
		return true
	}
	parsed, err := time.Parse(timeLayout, string(t))
	if err != nil || parsed.Location() != time.UTC {
		return false
	}
	copy(p.second[:], t)
	return true
}

// parseAny takes apart what has the right keys in any form, such as the logs of other engines.
func (p *parser) parseAny(line []byte) (r record, ok bool) {
	var o struct {
		Log    json.RawMessage   `json:"log"`
		Stream string            `json:"stream"`
		Time   time.Time         `json:"time"`
		Attrs  map[string]string `json:"attrs"`
	}
	if json.Unmarshal(line, &o) != nil || len(o.Log) < 2 || o.Log[0] != '"' {
		return r, false
	}
	switch o.Stream {
	case "stdout":
		r.stream = Stdout
	case "stderr":
		r.stream = Stderr
	default:
		return r, false
	}
	if year := o.Time.UTC().Year(); year < 0 || year > 9999 {
		return r, false
	}
	r.body = o.Log[1 : len(o.Log)-1]
	r.time = o.Time.UTC().AppendFormat(p.other[:0], timeLayout)
	if len(o.Attrs) > 0 {
		r.details = p.remember(line, o.Attrs)
	}
	return r, true
}

// remember returns the text of attributes and keeps it for the next line that ends in the same bytes.
func (p *parser) remember(line []byte, attrs map[string]string) []byte {
	pairs := make([]string, 0, len(attrs))
	for key, value := range attrs {
		pairs = append(pairs, url.QueryEscape(key)+"="+url.QueryEscape(value))
	}
	slices.Sort(pairs)
	p.ends = [2]ending{} // their details are about to be overwritten
	p.detail = append(p.detail[:0], strings.Join(pairs, ",")...)
	p.attrs = p.attrs[:0]
	// A quote inside a string is escaped, so these bytes can only be the key, unless they are in a nested value; what
	// follows them must then be complete JSON to be taken for the attributes of other lines.
	if i := bytes.LastIndex(line, []byte(`,"attrs":{`)); i >= 0 {
		end := len(line) - tailLen
		if end > i && json.Valid(line[i+len(`,"attrs":`):max(end, i+len(`,"attrs":`))]) {
			p.attrs = append(p.attrs, line[i:end]...)
		}
	}
	return p.detail
}

// text appends the record's text to dst. ok is false when the line was damaged.
func (r *record) text(dst []byte) (_ []byte, ok bool) {
	i := special(r.body)
	switch {
	case i == len(r.body):
		return append(dst, r.body...), true
	case i == len(r.body)-2 && r.body[i] == '\\' && r.body[i+1] == 'n': // nearly every line
		return append(append(dst, r.body[:i]...), '\n'), true
	default:
		return unescape(dst, r.body)
	}
}

// stamp parses a record's time.
func stamp(t []byte) time.Time {
	parsed, _ := time.Parse(timeLayout, string(t)) // was checked
	return parsed
}

// bound returns t in the form records compare with; nil for the zero time.
func bound(t time.Time) []byte {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	switch {
	case t.Year() < 0:
		return []byte("0000")
	case t.Year() > 9999:
		return []byte(":")
	default:
		return t.AppendFormat(nil, timeLayout)
	}
}

package api

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/stream"
)

func (r *runner) check(word, rest string) {
	r.t.Helper()
	switch word {
	case "=":
		status, kind, _ := strings.Cut(rest, " ")
		if got := strconv.Itoa(r.answer.status); !slices.Contains(strings.Split(status, "|"), got) {
			r.errorf("status %s, want %s", got, status)
		}
		if got := r.answer.header.Get("Content-Type"); kind != "" && !strings.HasPrefix(got, kind) {
			r.errorf("content type %q, want %q", got, kind)
		}
	case "head":
		name, condition, _ := strings.Cut(rest, " ")
		values := r.answer.header.Values(name)
		r.condition(name, strings.Join(values, ", "), len(values) > 0, condition)
	case "text":
		r.text(rest)
	case "stream":
		r.stream = true
	case "frames":
		r.frames(r.expand(rest))
	case "output":
		r.output(r.expand(rest))
	case "files":
		r.entries(rest)
	case ".":
		path, condition, _ := strings.Cut(r.expand(rest), " ")
		value, found := r.field(path)
		r.condition(path, value, found, condition)
	case "save":
		name, path, _ := strings.Cut(rest, " ")
		value, found := r.field(r.expand(path))
		if !found {
			r.t.Fatalf("%s\nno %s in %s", r.what, path, r.answer.body)
		}
		r.vars[name] = plainText(value)
	default:
		r.t.Fatalf("what is %q?", word)
	}
}

func (r *runner) text(rest string) {
	r.t.Helper()
	op, want, _ := strings.Cut(r.expand(rest), " ")
	got := string(r.answer.body)
	switch op {
	case "==":
		unquoted, err := strconv.Unquote(want)
		if err != nil {
			r.t.Fatalf("%s: %v", want, err)
		}
		if got != unquoted {
			r.errorf("answer %q\nwant   %q", got, unquoted)
		}
	case "=~":
		if !regexp.MustCompile("(?s)" + want).MatchString(got) {
			r.errorf("answer does not match %s", want)
		}
	case "!~":
		if regexp.MustCompile("(?s)" + want).MatchString(got) {
			r.errorf("answer matches %s", want)
		}
	default:
		r.t.Fatalf("what is text %q?", op)
	}
}

func (r *runner) frames(want string) {
	r.t.Helper()
	var list [][2]string
	decode(r.t, []byte(want), &list)
	got, err := readFrames(bytes.NewReader(r.answer.body))
	if err != nil {
		r.errorf("%v in %q", err, r.answer.body)
	}
	if diff := cmp.Diff(list, got); diff != "" {
		r.errorf("frames (-want +got):\n%s", diff)
	}
}

// output compares what came on each stream. Between two streams there is no order that an engine must keep.
func (r *runner) output(want string) {
	r.t.Helper()
	var wanted map[string]string
	decode(r.t, []byte(want), &wanted)
	frames, err := readFrames(bytes.NewReader(r.answer.body))
	if err != nil {
		r.errorf("%v in %q", err, r.answer.body)
	}
	if diff := cmp.Diff(wanted, byStream(frames)); diff != "" {
		r.errorf("output (-want +got):\n%s", diff)
	}
}

func byStream(frames [][2]string) map[string]string {
	streams := map[string]string{}
	for _, frame := range frames {
		streams[frame[0]] += frame[1]
	}
	return streams
}

// readFrames reads frames and joins neighbours of one stream: where an engine cuts is its own business.
func readFrames(from io.Reader) ([][2]string, error) {
	reader := stream.NewReader(from)
	frames := [][2]string{}
	for {
		kind, _, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		payload, err := io.ReadAll(reader)
		if err != nil {
			return frames, err
		}
		name := map[stream.Kind]string{stream.Stdin: "in", stream.Stdout: "out", stream.Stderr: "err", stream.System: "system"}[kind]
		if last := len(frames) - 1; last >= 0 && frames[last][0] == name {
			frames[last][1] += string(payload)
		} else {
			frames = append(frames, [2]string{name, string(payload)})
		}
	}
}

func (r *runner) entries(rest string) {
	r.t.Helper()
	var names []string
	for archive := tar.NewReader(bytes.NewReader(r.answer.body)); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.errorf("not a tarball: %v", err)
			return
		}
		names = append(names, h.Name)
	}
	want := words(r.expand(rest))
	if len(want) > 0 && want[0] == "has" {
		for _, name := range want[1:] {
			if !slices.Contains(names, name) {
				r.errorf("no %q among %q", name, names)
			}
		}
		return
	}
	slices.Sort(names)
	slices.Sort(want)
	if diff := cmp.Diff(want, names); diff != "" {
		r.errorf("entries (-want +got):\n%s", diff)
	}
}

// value is the answer's JSON: one value, or the list of several.
func (r *runner) value() (any, error) {
	d := json.NewDecoder(bytes.NewReader(r.answer.body))
	d.UseNumber()
	values := []any{}
	for {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	if len(values) == 1 && !r.stream {
		return values[0], nil
	}
	return values, nil
}

var segment = regexp.MustCompile(`\[[^\]]*\]|[^.\[]+`)

func (r *runner) field(path string) (any, bool) {
	r.t.Helper()
	value, err := r.value()
	if err != nil {
		r.errorf("not JSON: %v", err)
		return nil, false
	}
	if path == "*" {
		return value, true
	}
	for _, part := range segment.FindAllString(path, -1) {
		var found bool
		if value, found = child(value, part); !found {
			return nil, false
		}
	}
	return value, true
}

func child(value any, part string) (any, bool) {
	inner, index := strings.CutPrefix(part, "[")
	if !index {
		o, _ := value.(map[string]any)
		// A dot within a key, as in a label's name, is written %2E.
		key, err := url.PathUnescape(part)
		if err != nil {
			key = part
		}
		v, ok := o[key]
		return v, ok
	}
	list, _ := value.([]any)
	inner = strings.TrimSuffix(inner, "]")
	if key, want, ok := strings.Cut(inner, "="); ok {
		if plain, err := url.PathUnescape(want); err == nil {
			want = plain // %20 is a space
		}
		for _, item := range list {
			o, _ := item.(map[string]any)
			if v, ok := o[key]; ok && plainText(v) == want {
				return item, true
			}
		}
		return nil, false
	}
	n, err := strconv.Atoi(inner)
	if err != nil || n < 0 || n >= len(list) {
		return nil, false
	}
	return list[n], true
}

// plainText is a value as it is written into a path or another request.
func plainText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

func (r *runner) condition(path string, value any, found bool, condition string) {
	r.t.Helper()
	op, want, _ := strings.Cut(condition, " ")
	if op == "absent" {
		if found {
			r.errorf("%s is %s, want none", path, plainText(value))
		}
		return
	}
	if !found {
		r.errorf("no %s", path)
		return
	}
	if problem := compare(value, op, want); problem != "" {
		r.errorf("%s %s", path, problem)
	}
}

func compare(value any, op, want string) string {
	switch op {
	case "==", "!=":
		d := json.NewDecoder(strings.NewReader(want))
		d.UseNumber()
		var wanted any
		if err := d.Decode(&wanted); err != nil {
			return fmt.Sprintf("is compared with %s: %v", want, err)
		}
		if cmp.Equal(wanted, value) != (op == "==") {
			return fmt.Sprintf("is %s, want %s %s", plainText(value), op, want)
		}
	case "=~":
		if !regexp.MustCompile(want).MatchString(plainText(value)) {
			return fmt.Sprintf("is %s, want it to match %s", plainText(value), want)
		}
	case "is":
		if !slices.Contains(strings.Split(want, "|"), kindOf(value)) {
			return fmt.Sprintf("is %s, want %s", kindOf(value), want)
		}
	case "len":
		list, _ := value.([]any)
		if strconv.Itoa(len(list)) != want {
			return fmt.Sprintf("has %d elements, want %s", len(list), want)
		}
	case "keys", "has":
		return compareKeys(value, op, strings.Fields(want))
	default:
		return "cannot be compared by " + op
	}
	return ""
}

func compareKeys(value any, op string, want []string) string {
	o, ok := value.(map[string]any)
	if !ok || op == "has" && len(want) == 0 {
		return fmt.Sprintf("is %s, want an object with the keys %q", kindOf(value), want)
	}
	var missing, more []string
	for _, key := range want {
		if _, ok := o[key]; !ok {
			missing = append(missing, key)
		}
	}
	for key := range o {
		if !slices.Contains(want, key) {
			more = append(more, key)
		}
	}
	slices.Sort(more)
	if len(missing) > 0 || op == "keys" && len(more) > 0 {
		return fmt.Sprintf("lacks %q, has %q more", missing, more)
	}
	return ""
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "bool"
	case json.Number:
		return "number"
	case []any:
		return "list"
	default:
		return "object"
	}
}

package lines

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

type piece struct {
	Text    string
	Newline bool
}

// split feeds chunks and returns what comes out, the unfinished line last.
func split(s *Splitter, stream byte, chunks ...string) (pieces []piece) {
	for _, chunk := range chunks {
		data := []byte(chunk)
		for len(data) > 0 {
			line, newline, rest, ok := s.Next(stream, data)
			if ok {
				pieces = append(pieces, piece{string(line), newline})
			}
			data = rest
		}
	}
	if line := s.End(stream); line != nil {
		pieces = append(pieces, piece{string(line), false})
	}
	return pieces
}

func TestSplit(t *testing.T) {
	t.Parallel()
	x := strings.Repeat("x", Max)
	for name, test := range map[string]struct {
		chunks []string
		want   []piece
	}{
		"lines":             {[]string{"a\nb\n"}, []piece{{"a", true}, {"b", true}}},
		"empty lines":       {[]string{"\n\n"}, []piece{{"", true}, {"", true}}},
		"unfinished":        {[]string{"a\nb"}, []piece{{"a", true}, {"b", false}}},
		"in pieces":         {[]string{"a", "b", "c\nd", "\n"}, []piece{{"abc", true}, {"d", true}}},
		"one below":         {[]string{x[1:] + "\n"}, []piece{{x[1:], true}}},
		"exactly":           {[]string{x + "\n"}, []piece{{x, false}, {"", true}}},
		"long":              {[]string{x + x + "end\n"}, []piece{{x, false}, {x, false}, {"end", true}}},
		"long in pieces":    {[]string{x[:100], x, "end\n"}, []piece{{x, false}, {x[:100] + "end", true}}},
		"sequence at cut":   {[]string{x[1:] + "ü\n"}, []piece{{x[1:], false}, {"ü", true}}},
		"sequence in carry": {[]string{x[1:] + "\xc3", "\xbc\n"}, []piece{{x[1:], false}, {"ü", true}}},
		"four bytes at cut": {[]string{x[3:], "😀\n"}, []piece{{x[3:], false}, {"😀", true}}},
		"no utf-8 at cut":   {[]string{x[1:] + "\xff\n"}, []piece{{x[1:] + "\xff", false}, {"", true}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, split(new(Splitter), 1, test.chunks...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStreamsApart(t *testing.T) {
	t.Parallel()
	var s Splitter
	if _, _, _, ok := s.Next(1, []byte("out")); ok {
		t.Error("an unfinished line came out")
	}
	if line, _, _, _ := s.Next(2, []byte("err\n")); string(line) != "err" {
		t.Errorf("stderr %q", line)
	}
	if line, _, _, _ := s.Next(1, []byte("put\n")); string(line) != "output" {
		t.Errorf("stdout %q", line)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("a\nb"), 1)
	f.Add([]byte(strings.Repeat("é", Max)), 7)
	f.Add(bytes.Repeat([]byte("\xf0\x9f\x98\x80"), Max), 1000)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if size < 1 {
			size = 1
		}
		var chunks []string
		for rest := string(data); rest != ""; {
			n := min(size, len(rest))
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		var all strings.Builder
		for _, p := range split(new(Splitter), 1, chunks...) {
			if len(p.Text) > Max || strings.Contains(p.Text, "\n") {
				t.Fatalf("piece of %d bytes", len(p.Text))
			}
			if utf8.Valid(data) && !utf8.ValidString(p.Text) {
				t.Fatalf("a sequence was cut: %q", p.Text)
			}
			all.WriteString(p.Text)
			if p.Newline {
				all.WriteByte('\n')
			}
		}
		if all.String() != string(data) {
			t.Fatalf("%d bytes came out as %d", len(data), all.Len())
		}
	})
}

package containerexec

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/api/errs"
)

// However a stream is cut into pieces, its lines are told once each, and what never ends is told in parts.
func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", lineLimit)
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":       {"", nil},
		"one":           {"one\n", []string{"one"}},
		"no end":        {"one\n\ntwo", []string{"one", "", "two"}},
		"terminal":      {"one\r\ntwo\r\n", []string{"one", "two"}},
		"no text":       {"a\xffb\n", []string{"a\uFFFDb"}},
		"long":          {long + "yz\nend\n", []string{long, "yz", "end"}},
		"as long as is": {long, []string{long}},
	} {
		for _, piece := range []int{1, 3, 1 << 20} {
			var got []string
			l := &lines{tell: func(line string) { got = append(got, line) }}
			for rest := c.text; rest != ""; {
				n := min(piece, len(rest))
				if written, err := l.Write([]byte(rest[:n])); written != n || err != nil {
					t.Fatal(written, err)
				}
				rest = rest[n:]
			}
			l.end()
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s in pieces of %d (-want +got):\n%s", name, piece, diff)
			}
		}
	}
	if n, err := (&lines{}).Write([]byte("nobody\n")); n != 7 || err != nil {
		t.Error(n, err)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code     int
		expected []int64
		want     string
	}{{0, nil, ""}, {3, []int64{5, 3}, ""}, {1, nil, "ended with exit code 1, expected 0"}, {0, []int64{5, 3}, "ended with exit code 0, expected 3 or 5"}} {
		err := Result{ExitCode: c.code}.Judge(c.expected)
		switch {
		case err == nil && c.want != "":
			t.Errorf("%v is a success", c)
		case err != nil && (err.Error() != c.want || !errors.Is(err, errs.ErrInternal)):
			t.Errorf("%v: %v", c, err)
		}
	}
}

package jsonlog

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

type record struct {
	Log, Stream string
	Attrs       map[string]string
	Time        time.Time
}

func decode(t *testing.T, line []byte) record {
	t.Helper()
	if !json.Valid(line) || line[len(line)-1] != '\n' || strings.Count(string(line), "\n") != 1 {
		t.Fatalf("record %q", line)
	}
	var r record
	if err := json.Unmarshal(line, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestForm(t *testing.T) {
	t.Parallel()
	var e Encoder
	at := time.Date(2026, 2, 28, 23, 59, 59, 7, time.UTC)
	got := e.Append(nil, 1, []byte("a \"quote\"\t\r\x1b ü"), true, at.UnixNano())
	want := `{"log":"a \"quote\"\t\r\u001b ü\n","stream":"stdout","time":"2026-02-28T23:59:59.000000007Z"}` + "\n"
	if string(got) != want {
		t.Errorf("got  %swant %s", got, want)
	}
	e.Attrs = `{"a":"b"}`
	got = e.Append(nil, 2, nil, false, at.UnixNano())
	want = `{"log":"","stream":"stderr","attrs":{"a":"b"},"time":"2026-02-28T23:59:59.000000008Z"}` + "\n"
	if string(got) != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestTimesIncrease(t *testing.T) {
	t.Parallel()
	var e Encoder
	e.Resume(2e9)
	last := time.Unix(2, 0)
	for _, now := range []int64{1, 3e9, 3e9, 2e9, 4e9 - 1, 4e9 - 1, 4e9 - 1} {
		r := decode(t, e.Append(nil, 1, nil, true, now))
		if !r.Time.After(last) {
			t.Errorf("%v after %v", r.Time, last)
		}
		last = r.Time
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Date(2000, 2, 29, 12, 0, 0, 1, time.UTC), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		time.Date(2100, 3, 1, 0, 0, 0, 999999999, time.UTC), time.Date(1999, 12, 31, 23, 59, 59, 123456789, time.UTC),
		time.Date(2262, 4, 11, 23, 47, 16, 0, time.UTC),
	} {
		got := AppendTime(nil, at.UnixNano())
		if want := at.UTC().Format("2006-01-02T15:04:05.000000000Z"); string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if back, ok := ParseTime(got); !ok || back != at.UnixNano() {
			t.Errorf("%s is read as %d %v", got, back, ok)
		}
	}
	for _, bad := range []string{"", "2006-01-02T15:04:05Z", "2006-01-02 15:04:05.123456789Z", "2006-13-02T15:04:05.123456789Z", "x006-01-02T15:04:05.123456789Z"} {
		if _, ok := ParseTime([]byte(bad)); ok {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "12345678\x00", "\"\\/<>&", "\xff\xfe", "ünïcödé 😀", "\u2028\u2029", strings.Repeat("x", 100) + "\x7f\x80"} {
		f.Add([]byte(s), true, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, newline bool, shift uint8) {
		aligned := append(make([]byte, shift), text...)[shift:] // at any address
		var e Encoder
		line := e.Append(nil, 1, aligned, newline, 1)
		got := decode(t, line).Log
		if newline {
			var ok bool
			if got, ok = strings.CutSuffix(got, "\n"); !ok {
				t.Fatalf("no line feed: %q", line)
			}
		}
		// Each byte that is no UTF-8 becomes one U+FFFD.
		if want := string([]rune(string(text))); got != want {
			t.Fatalf("%q became %q, want %q", text, got, want)
		}
		if len(line) > 6*len(text)+Overhead {
			t.Fatalf("%d bytes became %d", len(text), len(line))
		}
	})
}

func FuzzParseTime(f *testing.F) {
	f.Add([]byte(stampForm))
	f.Fuzz(func(t *testing.T, b []byte) {
		want, err := time.Parse(time.RFC3339Nano, string(b))
		at, ok := ParseTime(b)
		if err == nil && len(b) == len(stampForm) && b[len(b)-1] == 'Z' && want.Year() >= 1970 && want.Year() < 2262 && b[19] == '.' {
			if !ok || at != want.UnixNano() {
				t.Fatalf("%s is read as %d %v, want %d", b, at, ok, want.UnixNano())
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	line := []byte(strings.Repeat("x", 99))
	var e Encoder
	var out []byte
	b.SetBytes(int64(len(line) + 1))
	for i := range b.N {
		out = e.Append(out[:0], 1, line, true, int64(i))
	}
}

package record

import (
	"testing"
	"time"
)

func TestSyslog(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 890123456, time.UTC)
	for format, want := range map[string]string{
		"":             "<30>Mar  4 05:06:07 tag[7]: hello",
		"rfc3164":      "<30>Mar  4 05:06:07 host tag[7]: hello",
		"rfc5424":      "<30>1 2026-03-04T05:06:07Z host tag 7 tag - hello",
		"rfc5424micro": "<30>1 2026-03-04T05:06:07.890123Z host tag 7 tag - hello",
	} {
		s := Syslog{Format: format, Facility: 3, Host: "host", Tag: "tag", Pid: 7}
		if got := string(s.Append(nil, 1, []byte("hello"), at)); got != want {
			t.Errorf("%q: got %q, want %q", format, got, want)
		}
	}
	if got := string(Syslog{Tag: "t"}.Append(nil, 2, nil, at)); got != "<3>Mar  4 05:06:07 t[0]: " {
		t.Errorf("stderr: %q", got)
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	if got := string(Journal(nil, "A=1\n", 2, []byte("x=y"), false)); got != "A=1\nPRIORITY=3\nMESSAGE=x=y\n" {
		t.Errorf("%q", got)
	}
	if got := string(Journal(nil, "", 1, nil, true)); got != "PRIORITY=6\nCONTAINER_PARTIAL_MESSAGE=true\nMESSAGE=\n" {
		t.Errorf("%q", got)
	}
}

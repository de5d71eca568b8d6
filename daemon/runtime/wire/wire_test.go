package wire

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEntry(t *testing.T) {
	t.Parallel()
	for _, e := range []Entry{
		{Kind: Start, Run: 3, Time: 1795336881550852017, Pid: 12, StartTime: 99, Boot: "a-b", Count: 2, In: 1, Out: 2, Err: 3},
		{Kind: Exit, Run: 1, Time: 1, Code: 137, OOM: true, Restart: true, Delay: 100},
		{Kind: Exit, Restart: true},
		{Kind: StartFailed, Class: ClassNotFound, Code: 127, Message: "exec: \"a b\": not\n\x00found = ü % %%"},
		{Kind: ExecExit, ID: "x y"},
		{Kind: "of-a-later-release"},
	} {
		line := string(e.Append(nil))
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Errorf("line %q", line)
		}
		got, ok := ParseEntry(strings.TrimSuffix(line, "\n"))
		if diff := cmp.Diff(e, got); diff != "" || !ok {
			t.Errorf("%q: %v (-want +got):\n%s", line, ok, diff)
		}
	}
	if e, ok := ParseEntry("exit run=1 code=3 news=x%20y flag"); !ok || e.Code != 3 {
		t.Errorf("an unknown key: %+v %v", e, ok)
	}
	for _, bad := range []string{"", "  ", "Exit", "exit%", "exit message=%2", "exit message=%zz"} {
		if e, ok := ParseEntry(bad); ok {
			t.Errorf("%q is taken: %+v", bad, e)
		}
	}
}

func TestConf(t *testing.T) {
	t.Parallel()
	want := Conf{
		ID: "abc", Run: 7, Count: 2, TTY: true, Stdin: true, StdinOnce: true, Policy: "on-failure", MaxRetry: 5, Driver: "syslog",
		LogPath: "/a b/c=d", MaxSize: 10, MaxFile: 3, Attrs: `{"a":"b c"}`, Address: "udp:[::1]:514", Format: "rfc5424", Facility: 3,
		Host: "h", Tag: "t", Fields: "A=1\nB\x00", CgroupsPath: "/p", Cgroups: []string{"/x", "/y"}, Memory: "/x", Freezer: "/y",
		Unified: true, Limited: true, HostPID: true,
	}
	got, ok := ParseConf(string(want.Encode()))
	if diff := cmp.Diff(want, got); diff != "" || !ok {
		t.Errorf("%v (-want +got):\n%s", ok, diff)
	}
	if c, ok := ParseConf("later=1\nid=x\n"); !ok || c.ID != "x" {
		t.Errorf("an unknown key: %+v %v", c, ok)
	}
	for _, bad := range []string{"id", "id=%", "id=a b", "id=%zz"} {
		if c, ok := ParseConf(bad); ok && bad != "id=%" {
			t.Errorf("%q is taken: %+v", bad, c)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	for _, want := range []Report{{Pid: 5, StartTime: 6}, {Class: ClassOther, Code: 128, Message: "why not"}} {
		if got, ok := ParseReport(string(want.Encode())); !ok || got != want {
			t.Errorf("%+v became %+v %v", want, got, ok)
		}
	}
	for _, bad := range []string{"", "report pid=5", "report\n", "start pid=5\n", "report pid=5 class=other\n"} {
		if got, ok := ParseReport(bad); ok {
			t.Errorf("%q is taken: %+v", bad, got)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("")
	f.Add("a b=c%\n\xff")
	f.Fuzz(func(t *testing.T, s string) {
		word := Escape(s)
		if got, ok := Unescape(word); !ok || got != s || strings.ContainsAny(word, " \n=") || word == "" {
			t.Fatalf("%q became %q and %q %v", s, word, got, ok)
		}
		if plain, ok := Unescape(s); ok && Escape(plain) != s {
			t.Fatalf("%q is not what Escape makes of %q", s, plain)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("exit run=1 code=3 oom=1 restart delay=100 message=a%20b")
	f.Add("id=x\ncgroup=/a\n")
	f.Fuzz(func(t *testing.T, s string) {
		if e, ok := ParseEntry(s); ok {
			line := e.Append(nil)
			if again, ok := ParseEntry(string(line[:len(line)-1])); !ok || again != e {
				t.Fatalf("%q: %+v became %+v %v", s, e, again, ok)
			}
		}
		if c, ok := ParseConf(s); ok {
			again, ok := ParseConf(string(c.Encode()))
			if diff := cmp.Diff(c, again); diff != "" || !ok {
				t.Fatalf("%q: %s", s, diff)
			}
		}
		_, _ = ParseReport(s)
	})
}

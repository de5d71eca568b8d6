package functions

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
)

// call calls a function by its name.
func call(ctx context.Context, name string, arguments ...attr.Value) (attr.Value, error) {
	all := All()
	i := slices.IndexFunc(all, func(f Function) bool { return f.Name == name })
	return all[i].Call(ctx, arguments)
}

func s(text string) attr.Value { return types.StringValue(text) }

func n(number int64) attr.Value { return types.Int64Value(number) }

func list(texts ...string) attr.Value {
	var values []attr.Value
	for _, text := range texts {
		values = append(values, s(text))
	}
	return types.ListValueMust(types.StringType, values)
}

var (
	none   = types.StringNull()
	noPort = types.Int64Null()
	sum    = "sha256:" + strings.Repeat("0a", 32)
)

// What each function returns, and what it says of what it cannot read: "N: …" names the argument.
func TestFunctions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		arguments []attr.Value
		want      string
		fails     string
	}{
		{name: "parse_image_ref", arguments: []attr.Value{s("nginx")},
			want: `{"canonical":"docker.io/library/nginx:latest","digest":<null>,"name":"nginx","registry":"docker.io","repository":"library/nginx","tag":<null>}`},
		{name: "parse_image_ref", arguments: []attr.Value{s("localhost:5000/team/app:v1@" + sum)},
			want: `{"canonical":"localhost:5000/team/app:v1@` + sum + `","digest":"` + sum + `","name":"localhost:5000/team/app","registry":"localhost:5000","repository":"team/app","tag":"v1"}`},
		{name: "parse_image_ref", arguments: []attr.Value{s("Nginx")}, fails: `0: "Nginx" is not an image reference`},
		{name: "parse_image_ref", arguments: []attr.Value{s("")}, fails: `0: "" is not an image reference`},
		{name: "parse_image_ref", arguments: []attr.Value{s(sum)}, fails: `0: found the image id`},

		{name: "build_image_ref", arguments: []attr.Value{none, s("nginx"), none, none}, want: `"nginx"`},
		{name: "build_image_ref", arguments: []attr.Value{s("docker.io"), s("library/nginx"), s("1.27"), none}, want: `"nginx:1.27"`},
		{name: "build_image_ref", arguments: []attr.Value{s("index.docker.io"), s("team/app"), none, none}, want: `"team/app"`},
		{name: "build_image_ref", arguments: []attr.Value{s("localhost:5000"), s("app"), s("v1"), s(sum)}, want: `"localhost:5000/app:v1@` + sum + `"`},
		{name: "build_image_ref", arguments: []attr.Value{s("ghcr"), s("app"), none, none}, fails: `0: found the registry "ghcr", which reads as a part of the path`},
		{name: "build_image_ref", arguments: []attr.Value{s("https://ghcr.io"), s("app"), none, none}, fails: `0: found the registry "https://ghcr.io", want a host`},
		{name: "build_image_ref", arguments: []attr.Value{none, s("ghcr.io/app"), none, none}, fails: `1: found the repository "ghcr.io/app" with the registry ghcr.io in it`},
		{name: "build_image_ref", arguments: []attr.Value{none, s("app:v1"), none, none}, fails: `1: found the repository "app:v1" with a tag or digest`},
		{name: "build_image_ref", arguments: []attr.Value{none, s("APP"), none, none}, fails: `1: found the repository "APP"`},
		{name: "build_image_ref", arguments: []attr.Value{none, s("app"), s("-v"), none}, fails: `2: found the tag "-v"`},
		{name: "build_image_ref", arguments: []attr.Value{none, s("app"), none, s("sha256:12")}, fails: `3: found the digest "sha256:12"`},

		{name: "parse_port", arguments: []attr.Value{s("80")}, want: `{"external":<null>,"internal":80,"ip":<null>,"protocol":"tcp"}`},
		{name: "parse_port", arguments: []attr.Value{s("8080:80/UDP")}, want: `{"external":8080,"internal":80,"ip":<null>,"protocol":"udp"}`},
		{name: "parse_port", arguments: []attr.Value{s("127.0.0.1:8080:80")}, want: `{"external":8080,"internal":80,"ip":"127.0.0.1","protocol":"tcp"}`},
		{name: "parse_port", arguments: []attr.Value{s("127.0.0.1::80")}, want: `{"external":<null>,"internal":80,"ip":"127.0.0.1","protocol":"tcp"}`},
		{name: "parse_port", arguments: []attr.Value{s("[::1]:8080:80/sctp")}, want: `{"external":8080,"internal":80,"ip":"::1","protocol":"sctp"}`},
		{name: "parse_port", arguments: []attr.Value{s(":8080:80")}, want: `{"external":8080,"internal":80,"ip":<null>,"protocol":"tcp"}`},
		{name: "parse_port", arguments: []attr.Value{s("80-81")}, fails: `0: found "80-81", a range of 2 ports, want one`},
		{name: "parse_port", arguments: []attr.Value{s("")}, fails: `0: found "": "" is no port`},
		{name: "parse_port", arguments: []attr.Value{s("0:80")}, fails: `0: found "0:80": "0" is no port`},
		{name: "parse_port", arguments: []attr.Value{s("70000")}, fails: `0: found "70000": "70000" is no port`},
		{name: "parse_port", arguments: []attr.Value{s("80/http")}, fails: `0: found protocol "http"`},
		{name: "parse_port", arguments: []attr.Value{s("host:1:2")}, fails: `0: found "host:1:2": "host" is no IP address`},
		{name: "parse_port", arguments: []attr.Value{s("[::1:80")}, fails: `0: found "[::1:80": an address in brackets is not closed`},
		{name: "parse_port", arguments: []attr.Value{s("::1:80:80")}, fails: `is no port`},
		{name: "parse_ports", arguments: []attr.Value{s("8000-8001:80-81/udp")},
			want: `[{"external":8000,"internal":80,"ip":<null>,"protocol":"udp"},{"external":8001,"internal":81,"ip":<null>,"protocol":"udp"}]`},
		{name: "parse_ports", arguments: []attr.Value{s("8000-8002:80-81")}, fails: `0: found "8000-8002:80-81": 3 ports of the host for 2 of the container`},
		{name: "parse_ports", arguments: []attr.Value{s("81-80")}, fails: `0: found "81-80": the range 81-80 ends before it begins`},

		{name: "build_port", arguments: []attr.Value{n(80), noPort, none, none}, want: `"80/tcp"`},
		{name: "build_port", arguments: []attr.Value{n(80), n(8080), none, s("udp")}, want: `"8080:80/udp"`},
		{name: "build_port", arguments: []attr.Value{n(80), noPort, s("::1"), none}, want: `"[::1]::80/tcp"`},
		{name: "build_port", arguments: []attr.Value{n(0), noPort, none, none}, fails: `0: found port 0`},
		{name: "build_port", arguments: []attr.Value{n(1), n(65536), none, none}, fails: `1: found port 65536`},
		{name: "build_port", arguments: []attr.Value{n(1), noPort, s("here"), none}, fails: `2: found "here"`},
		{name: "build_port", arguments: []attr.Value{n(1), noPort, none, s("x")}, fails: `3: found protocol "x"`},

		{name: "parse_size", arguments: []attr.Value{s("64m")}, want: `67108864`},
		{name: "parse_size", arguments: []attr.Value{s("1.5g")}, want: `1610612736`},
		{name: "parse_size", arguments: []attr.Value{s("1.5b")}, want: `1`},
		{name: "parse_size", arguments: []attr.Value{s("10")}, want: `10`},
		{name: "parse_size", arguments: []attr.Value{s("2 KiB")}, want: `2048`},
		{name: "parse_size", arguments: []attr.Value{s("3TB")}, want: `3298534883328`},
		{name: "parse_size", arguments: []attr.Value{s("9223372036854775807")}, want: `9223372036854775807`},
		{name: "parse_size", arguments: []attr.Value{s("8192p")}, fails: `0: found "8192p", want at most 9223372036854775807 bytes`},
		{name: "parse_size", arguments: []attr.Value{s("-1")}, fails: `0: found "-1", want a number and a unit`},
		{name: "parse_size", arguments: []attr.Value{s("64x")}, fails: `0: found "64x", want a number and a unit`},

		{name: "build_size", arguments: []attr.Value{n(67108864)}, want: `"64m"`},
		{name: "build_size", arguments: []attr.Value{n(1610612736)}, want: `"1536m"`},
		{name: "build_size", arguments: []attr.Value{n(1000)}, want: `"1000b"`},
		{name: "build_size", arguments: []attr.Value{n(0)}, want: `"0b"`},
		{name: "build_size", arguments: []attr.Value{n(1 << 60)}, want: `"1024p"`},
		{name: "build_size", arguments: []attr.Value{n(-1)}, fails: `0: found -1 bytes`},

		{name: "env_map", arguments: []attr.Value{list("A=1", "B=x=y", "C=", "D", "A=2")}, want: `{"A":"2","B":"x=y","C":"","D":<null>}`},
		{name: "env_map", arguments: []attr.Value{list()}, want: `{}`},
		{name: "env_map", arguments: []attr.Value{list("A=1", "=hunter2")}, fails: `0: found no name before the = at index 1`},
		{name: "env_list", arguments: []attr.Value{types.MapValueMust(types.StringType, map[string]attr.Value{"B": s("x=y"), "A": s("1"), "C": none})},
			want: `["A=1","B=x=y","C"]`},
		{name: "env_list", arguments: []attr.Value{types.MapValueMust(types.StringType, map[string]attr.Value{"A=B": s("hunter2")})}, fails: `0: found the name "A=B"`},

		{name: "context_hash", arguments: []attr.Value{s("testdata/missing")}, fails: `0: build context "testdata/missing": there is no directory`},
		{name: "context_hash", arguments: []attr.Value{s("."), s("none")}, fails: `1: there is no file`},
		{name: "context_hash", arguments: []attr.Value{s("."), s("")}, fails: `1: found an empty name`},
		{name: "context_hash", arguments: []attr.Value{s("."), s("a"), s("b")}, fails: `2: found 2 files`},
	} {
		got, err := call(t.Context(), c.name, c.arguments...)
		if c.fails != "" {
			wrong := new(ArgumentError)
			_, text, _ := strings.Cut(c.fails, ": ")
			if !errors.As(err, &wrong) || !errors.Is(err, errs.ErrInvalid) || !strings.Contains(err.Error(), text) ||
				c.fails[1] == ':' && int(c.fails[0]-'0') != wrong.Index {
				t.Errorf("%s(%v): got %v, %v (%+v), want %s", c.name, c.arguments, got, err, wrong, c.fails)
			} else if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: the error tells a value: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s(%v): %v", c.name, c.arguments, err)
		} else if diff := cmp.Diff(c.want, got.String()); diff != "" {
			t.Errorf("%s(%v) (-want +got):\n%s", c.name, c.arguments, diff)
		}
	}
}

// The hash follows the files that count, and only those.
func TestContextHash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	hash := func(ignore ...string) string {
		t.Helper()
		arguments := []attr.Value{s(dir)}
		for _, name := range ignore {
			arguments = append(arguments, s(name))
		}
		v, err := call(t.Context(), "context_hash", arguments...)
		if err != nil {
			t.Fatal(err)
		}
		return v.String()
	}
	write("a.txt", "1")
	first := hash()
	if err := os.Chtimes(filepath.Join(dir, "a.txt"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if got := hash(); got != first {
		t.Errorf("the time of a file changes the hash: %s, %s", first, got)
	}
	write("b.log", "noise")
	second := hash()
	if second == first {
		t.Error("a new file does not change the hash")
	}
	write(".dockerignore", "*.log\n.dockerignore\n")
	if got := hash(); got != first {
		t.Errorf("an ignored file changes the hash: %s, %s", first, got)
	}
	write("other.ignore", "a.txt\n*ignore\n")
	if got := hash("other.ignore"); got == first || got == second {
		t.Errorf("the patterns given are not in force: %s", got)
	}
	write("a.txt", "2")
	if got := hash(); got == first {
		t.Error("a changed file does not change the hash")
	}
}

// Whatever parses is built to a text that parses to the same.
func FuzzParsePort(f *testing.F) {
	for _, text := range []string{"80", "127.0.0.1:53:53/udp", "[::1]::80", "8000-8001:80-81", "[fe80::1%eth0]:1:1", "::80"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := call(t.Context(), "parse_port", s(text))
		if err != nil {
			return
		}
		parts := first.(types.Object).Attributes()
		built, err := call(t.Context(), "build_port", parts["internal"], parts["external"], parts["ip"], parts["protocol"])
		if err != nil {
			t.Fatalf("%q was parsed to %s, which cannot be built: %v", text, first, err)
		}
		again, err := call(t.Context(), "parse_port", built)
		if err != nil || !first.Equal(again) {
			t.Fatalf("%q was parsed to %s, built to %s, parsed to %v, %v", text, first, built, again, err)
		}
	})
}

func FuzzParseSize(f *testing.F) {
	for _, text := range []string{"64m", "1.5g", "1000", "9223372036854775807", "0.0000000001p"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		bytes, err := call(t.Context(), "parse_size", s(text))
		if err != nil {
			return
		}
		built, err := call(t.Context(), "build_size", bytes)
		if err != nil {
			t.Fatalf("%q is %s bytes: %v", text, bytes, err)
		}
		if again, err := call(t.Context(), "parse_size", built); err != nil || !again.Equal(bytes) {
			t.Fatalf("%q is %s, built to %s, is %v, %v", text, bytes, built, again, err)
		}
	})
}

package logs

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobycontainer "github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

type fake struct {
	tty   bool
	log   io.Reader
	err   error
	asked *moby.ContainerLogsOptions
	// open keeps a followed log open after its content until the caller gives up.
	open bool
}

func (f *fake) ContainerInspect(_ context.Context, name string, _ moby.ContainerInspectOptions) (moby.ContainerInspectResult, error) {
	if name != "web" {
		return moby.ContainerInspectResult{}, errs.ErrNotFound
	}
	return moby.ContainerInspectResult{Container: mobycontainer.InspectResponse{ID: "id1", Config: &mobycontainer.Config{Tty: f.tty}}}, nil
}

func (f *fake) ContainerLogs(ctx context.Context, _ string, o moby.ContainerLogsOptions) (moby.ContainerLogsResult, error) {
	f.asked = &o
	if f.err != nil {
		return nil, f.err
	}
	if f.open {
		return io.NopCloser(io.MultiReader(f.log, waiting{ctx})), nil
	}
	return io.NopCloser(f.log), nil
}

// waiting is a stream on which nothing comes until it is closed.
type waiting struct{ ctx context.Context }

func (w waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, errors.New("body closed")
}

func frame(stream byte, content string) string {
	header := make([]byte, headerSize)
	header[0] = stream
	binary.BigEndian.PutUint32(header[4:], uint32(len(content)))
	return string(header) + content
}

func recorded(t *testing.T, file string) io.Reader {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(data)
}

func TestHost(t *testing.T) {
	t.Parallel()
	if _, err := contract.HostData(t.Context(), DataSource{}); err != nil {
		t.Fatal(err)
	}
	for name, a := range (DataSource{}).Schema(t.Context()).Attributes {
		if a.GetMarkdownDescription() == "" {
			t.Errorf("%s is not described", name)
		}
	}
}

func TestRecorded(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"dockerd20", "podman4"} {
		for _, test := range []struct {
			file string
			tty  bool
			want []string
		}{{"framed", false, []string{"hi"}}, {"tty", true, []string{"out", "err"}}} {
			t.Run(engine+" "+test.file, func(t *testing.T) {
				t.Parallel()
				f := &fake{tty: test.tty, log: recorded(t, engine+"-"+test.file+".bin")}
				got, err := DataSource{}.Read(t.Context(), f, Model{Name: types.StringValue("web")})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(Model{ID: types.StringValue("id1"), Name: types.StringValue("web"), LogsListString: flatten.Texts(test.want)}, got); diff != "" {
					t.Errorf("model (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(&moby.ContainerLogsOptions{ShowStdout: true, ShowStderr: true}, f.asked); diff != "" {
					t.Errorf("options (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	framed := mode{framed: true, strip: true}
	tests := map[string]struct {
		stream string
		mode   mode
		want   []string
		err    error
	}{
		"nothing":                         {"", framed, nil, nil},
		"lines and an empty one":          {frame(1, "a\n\nb\n"), framed, []string{"a", "", "b"}, nil},
		"a line without an end":           {frame(1, "a\nb"), framed, []string{"a", "b"}, nil},
		"an empty frame":                  {frame(1, "") + frame(1, "a\n"), framed, []string{"a"}, nil},
		"a line in pieces, others within": {frame(1, "long ") + frame(2, "err\n") + frame(1, "line\n"), framed, []string{"err", "long line"}, nil},
		"both without an end":             {frame(2, "e") + frame(1, "o"), framed, []string{"o", "e"}, nil},
		"headers kept":                    {frame(1, "a\n") + frame(2, "b\n"), mode{framed: true}, []string{"\x01\x00\x00\x00\x00\x00\x00\x02a", "\x02\x00\x00\x00\x00\x00\x00\x02b"}, nil},
		"terminal":                        {"a\r\nb\r\n", mode{strip: true}, []string{"a", "b"}, nil},
		"terminal, what looks framed":     {frame(1, "a\r\n"), mode{strip: true}, []string{"\x01\x00\x00\x00\x00\x00\x00\x03a"}, nil},
		"carriage returns of a program":   {frame(1, "50%\r100%\r\n"), framed, []string{"50%\r100%\r"}, nil},
		"no UTF-8":                        {frame(1, "\xff\n"), framed, []string{"\uFFFD"}, nil},
		"cut inside a header":             {frame(1, "a\n") + "\x01\x00", framed, []string{"a"}, io.ErrUnexpectedEOF},
		"cut inside a line":               {frame(1, "abc\n")[:headerSize+2], framed, []string{"ab"}, io.ErrUnexpectedEOF},
		"no frames":                       {"hello world\n", framed, nil, errs.ErrInternal},
		"a frame of an absurd length":     {"\x01\x00\x00\x00\xff\xff\xff\xff", framed, nil, errs.ErrInternal},
		"the engine's own error":          {frame(1, "a\n") + frame(3, "disk on fire\n"), framed, []string{"a"}, errs.ErrInternal},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decode(strings.NewReader(test.stream), test.mode)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if !errors.Is(err, test.err) {
				t.Errorf("error %v, want %v", err, test.err)
			}
		})
	}
}

func TestTooLong(t *testing.T) {
	t.Parallel()
	line := strings.Repeat("x", 1<<20-headerSize-1) + "\n"
	fits := strings.Repeat(frame(1, line), maxBytes>>20)
	if lines, err := decode(strings.NewReader(fits), mode{framed: true, strip: true}); err != nil || len(lines) != maxBytes>>20 {
		t.Errorf("a log of the largest size: %d lines, %v", len(lines), err)
	}
	if _, err := decode(strings.NewReader(fits+frame(1, "x\n")), mode{framed: true, strip: true}); !errors.Is(err, errTooLong) {
		t.Errorf("a longer log: %v", err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	str, yes, no := types.StringValue, types.BoolValue(true), types.BoolValue(false)
	got, timeout, err := expand(Model{
		ShowStdout: no, Since: str("10m"), Until: str("5m"), Tail: str("7"), Timestamps: yes, Details: yes, Follow: yes, FollowTimeout: str("3s"),
	})
	want := moby.ContainerLogsOptions{ShowStderr: true, Since: "10m", Until: "5m", Tail: "7", Timestamps: true, Details: true, Follow: true}
	if diff := cmp.Diff(want, got); diff != "" || timeout != 3*time.Second || err != nil {
		t.Errorf("timeout %s, error %v, options (-want +got):\n%s", timeout, err, diff)
	}
	for path, config := range map[string]Model{"show_stdout": {ShowStdout: no, ShowStderr: no}, "follow_timeout": {FollowTimeout: str("soon")}} {
		_, _, err := expand(config)
		if at, _ := contract.PathOf(err); at != path || !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestDisabled(t *testing.T) {
	t.Parallel()
	f := &fake{}
	got, err := DataSource{}.Read(t.Context(), f, Model{Name: types.StringValue("web"), LogsListStringEnabled: types.BoolValue(false)})
	if err != nil || !got.LogsListString.IsNull() || f.asked != nil {
		t.Errorf("got %s, %v, asked %v", got.LogsListString, err, f.asked)
	}
}

func TestFollow(t *testing.T) {
	t.Parallel()
	following := Model{Name: types.StringValue("web"), Follow: types.BoolValue(true), FollowTimeout: types.StringValue("20ms")}
	f := &fake{log: strings.NewReader(frame(1, "a\n") + frame(1, "half")), open: true}
	got, err := DataSource{}.Read(t.Context(), f, following)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(flatten.Texts([]string{"a", "half"}), got.LogsListString); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}

	// A host that gives up is not the end of following.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (DataSource{}).Read(ctx, &fake{log: strings.NewReader(""), open: true}, following); err == nil {
		t.Error("an interrupted read succeeded")
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	web := Model{Name: types.StringValue("web")}
	tests := map[string]struct {
		config Model
		err    error
		path   string
		class  error
	}{
		"no such container": {Model{Name: types.StringValue("x")}, nil, "name", errs.ErrNotFound},
		"since":             {web, errors.New(`invalid value for "since": parsing time`), "since", nil},
		"engine away":       {web, errs.ErrUnavailable, "", errs.ErrUnavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := DataSource{}.Read(t.Context(), &fake{err: test.err}, test.config)
			if path, _ := contract.PathOf(err); err == nil || path != test.path || test.class != nil && !errors.Is(err, test.class) {
				t.Errorf("error %v, want one at %q of class %v", err, test.path, test.class)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(frame(1, "a\nb")), true)
	f.Add([]byte(frame(2, "a")+frame(1, "\n")), true)
	f.Add([]byte("a\r\n\xff"), false)
	f.Fuzz(func(t *testing.T, stream []byte, framed bool) {
		lines, err := decode(bytes.NewReader(stream), mode{framed: framed, strip: true})
		total := 0
		for _, line := range lines {
			if strings.Contains(line, "\n") {
				t.Errorf("line %q has an end in it", line)
			}
			total += len(line)
		}
		if total > 3*len(stream) { // an invalid byte becomes a rune of three
			t.Errorf("%d bytes out of %d", total, len(stream))
		}
		if !framed && err != nil {
			t.Errorf("a terminal's log cannot be wrong: %v", err)
		}
	})
}

package stream

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/pkg/stdcopy"
)

type frame struct {
	Kind    Kind
	Payload string
}

func readAll(r io.Reader) ([]frame, error) {
	var frames []frame
	reader := NewReader(r)
	for {
		kind, size, err := reader.Next()
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
		if len(payload) != int(size) {
			return frames, errors.New("payload is not of the size the header says")
		}
		frames = append(frames, frame{kind, string(payload)})
	}
}

func TestFramesBytes(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	frames := NewFrames(&out)
	for _, f := range []frame{{Stdout, "out"}, {Stderr, ""}, {Stderr, strings.Repeat("e", 258)}, {System, "gone"}} {
		if n, err := io.WriteString(frames.Writer(f.Kind), f.Payload); err != nil || n != len(f.Payload) {
			t.Fatalf("wrote %d, %v", n, err)
		}
	}
	want := "\x01\x00\x00\x00\x00\x00\x00\x03out" + "\x02\x00\x00\x00\x00\x00\x01\x02" + strings.Repeat("e", 258) + "\x03\x00\x00\x00\x00\x00\x00\x04gone"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	head := func(kind byte, size byte) string { return string([]byte{kind, 0, 0, 0, 0, 0, 0, size}) }
	for _, tc := range []struct {
		name, in string
		want     []frame
		err      string
	}{
		{"nothing", "", nil, ""},
		{"two", head(1, 2) + "ab" + head(2, 1) + "c", []frame{{Stdout, "ab"}, {Stderr, "c"}}, ""},
		{"empty payload", head(0, 0) + head(1, 1) + "x", []frame{{Stdin, ""}, {Stdout, "x"}}, ""},
		{"cut in a header", head(1, 1) + "a" + "\x01\x00", []frame{{Stdout, "a"}}, "frame: unexpected EOF"},
		{"cut in a payload", head(1, 5) + "abc", nil, "unexpected EOF"},
		{"no such stream", head(4, 0), nil, "frame: 0400000000000000 is no header"},
		{"raw bytes", "hello world", nil, "frame: 68656c6c6f20776f is no header"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for name, r := range map[string]io.Reader{"whole": strings.NewReader(tc.in), "bytes": iotest.OneByteReader(strings.NewReader(tc.in)),
				"eof with data": iotest.DataErrReader(strings.NewReader(tc.in))} {
				got, err := readAll(r)
				message := ""
				if err != nil {
					message = err.Error()
				}
				if diff := cmp.Diff(tc.want, got); diff != "" || message != tc.err {
					t.Errorf("%s: error %q, want %q (-want +got):\n%s", name, message, tc.err, diff)
				}
			}
		})
	}
}

func TestNextSkipsWhatWasNotRead(t *testing.T) {
	t.Parallel()
	var in bytes.Buffer
	frames := NewFrames(&in)
	_, _ = io.WriteString(frames.Writer(Stdout), strings.Repeat("a", 100_000))
	_, _ = io.WriteString(frames.Writer(Stderr), "b")
	r := NewReader(&in)
	if kind, size, err := r.Next(); kind != Stdout || size != 100_000 || err != nil {
		t.Fatal(kind, size, err)
	}
	if kind, size, err := r.Next(); kind != Stderr || size != 1 || err != nil {
		t.Fatal(kind, size, err)
	}
}

// Two writers at once: every frame is whole.
func TestFramesDoNotMix(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	frames := NewFrames(&out)
	var wg sync.WaitGroup
	for _, f := range []frame{{Stdout, strings.Repeat("o", 1000)}, {Stderr, strings.Repeat("e", 70_000)}} {
		wg.Go(func() {
			for range 100 {
				_, _ = io.WriteString(frames.Writer(f.Kind), f.Payload)
			}
		})
	}
	wg.Wait()
	got, err := readAll(&out)
	if err != nil || len(got) != 200 {
		t.Fatalf("%d frames, %v", len(got), err)
	}
	for _, f := range got {
		if want := map[Kind]string{Stdout: "o", Stderr: "e"}[f.Kind]; strings.Trim(f.Payload, want) != "" {
			t.Fatalf("frame of %d holds other bytes", f.Kind)
		}
	}
}

func TestWriteReportsOnlyThePayload(t *testing.T) {
	t.Parallel()
	w := NewFrames(shortWriter{}).Writer(Stdout)
	if n, err := w.Write([]byte("abc")); n != 0 || !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%d, %v", n, err)
	}
}

type shortWriter struct{}

func (shortWriter) Write([]byte) (int, error) { return 5, io.ErrShortWrite }

// FuzzReader: no input makes it panic, hang or allocate what a header claims; what it accepts is written again as it
// was, and moby's own reader sees the same output.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x03out\x02\x00\x00\x00\x00\x00\x00\x01e"))
	f.Add([]byte("\x01\x00\x00\x00\xff\xff\xff\xffshort"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := readAll(bytes.NewReader(in))
		if err != nil {
			return
		}
		var again, out, wantOut bytes.Buffer
		failed := false
		for _, f := range got {
			again.Write(AppendHeader(nil, f.Kind, uint32(len(f.Payload))))
			again.WriteString(f.Payload)
			if f.Kind == System {
				failed = true
			}
			if !failed {
				wantOut.WriteString(f.Payload)
			}
		}
		if !bytes.Equal(in, again.Bytes()) {
			t.Fatalf("%x became %x", in, again.Bytes())
		}
		_, err = stdcopy.StdCopy(&out, &out, bytes.NewReader(in))
		if (err != nil) != failed || !bytes.Equal(out.Bytes(), wantOut.Bytes()) {
			t.Fatalf("stdcopy: %v, %q, want %q", err, out.Bytes(), wantOut.Bytes())
		}
	})
}

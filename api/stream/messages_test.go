package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEncoder(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	flushed := 0
	e := NewEncoder(&out, func() { flushed++ })
	for _, m := range []Message{
		{Status: "Pulling from library/busybox", ID: "latest"},
		Step("8dbd9e392a96", "Downloading", Progress{Current: 1, Total: 100}),
		{Stream: "Step 1/2 : FROM <x>\n"},
		{Aux: json.RawMessage(`{"ID":"sha256:1"}`)},
		Failure(errors.New("no such image: x")),
		Failure(fmt.Errorf("run: %w", &Error{Code: 3, Message: "exit 3"})),
	} {
		if err := e.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.Join([]string{
		`{"status":"Pulling from library/busybox","id":"latest"}`,
		`{"status":"Downloading","progressDetail":{"current":1,"total":100},"progress":"[\u003e                                                  ]       1B/100B","id":"8dbd9e392a96"}`,
		`{"stream":"Step 1/2 : FROM \u003cx\u003e\n"}`,
		`{"aux":{"ID":"sha256:1"}}`,
		`{"errorDetail":{"message":"no such image: x"},"error":"no such image: x"}`,
		`{"errorDetail":{"code":3,"message":"exit 3"},"error":"run: exit 3"}`, "",
	}, "\r\n")
	if diff := cmp.Diff(want, out.String()); diff != "" || flushed != 6 {
		t.Errorf("flushed %d times (-want +got):\n%s", flushed, diff)
	}
}

func TestProgressText(t *testing.T) {
	t.Parallel()
	bar := func(filled int) string {
		return "[" + strings.Repeat("=", filled) + ">" + strings.Repeat(" ", 50-filled) + "] "
	}
	for _, tc := range []struct {
		p    Progress
		want string
	}{
		{Progress{}, ""},
		{Progress{Total: 100}, bar(0) + "      0B/100B"},
		{Progress{Current: 1200}, "   1.2kB"},
		{Progress{Current: 50, Total: 100}, bar(25) + "     50B/100B"},
		{Progress{Current: 100, Total: 100}, bar(50) + "    100B/100B"},
		{Progress{Current: 200, Total: 100}, bar(50) + "    200B"},
		{Progress{Current: 1, Total: 3}, bar(16) + "      1B/3B"},
		{Progress{Current: 1 << 62, Total: 1<<63 - 1}, bar(25) + " 4.612EB/9.223EB"},
	} {
		if got := tc.p.String(); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.p, got, tc.want)
		}
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		want     []Message
		err      string
	}{
		{"nothing", "", nil, ""},
		{"any space between", "{\"status\":\"a\"}\r\n{\"status\":\"b\"}{\"status\":\"c\"}\n", []Message{{Status: "a"}, {Status: "b"}, {Status: "c"}}, ""},
		{"failure is the last", `{"error":"x","errorDetail":{"code":9,"message":"why"}}{"status":"b"}`,
			[]Message{{Error: "x", ErrorDetail: &Error{Code: 9, Message: "why"}}}, "why"},
		{"failure in words", `{"error":"x"}`, []Message{{Error: "x"}}, "x"},
		{"failure in numbers", `{"error":"x","errorDetail":{"code":2}}`, []Message{{Error: "x", ErrorDetail: &Error{Code: 2}}}, "x"},
		{"cut", `{"status":"a"}{"sta`, []Message{{Status: "a"}, {}}, "message: unexpected EOF"},
		{"no JSON", `nonsense`, []Message{{}}, "message: invalid character 'o' in literal null (expecting 'u')"},
		{"huge", `{"status":"` + strings.Repeat("a", MaxMessage), []Message{{}}, "message of more than 16777216 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var got []Message
			message := ""
			for m, err := range Messages(strings.NewReader(tc.in)) {
				got = append(got, m)
				if err != nil {
					message = err.Error()
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || message != tc.err {
				t.Errorf("error %q, want %q (-want +got):\n%s", message, tc.err, diff)
			}
		})
	}
}

// A reader that stops early leaves the rest alone.
func TestMessagesCanBeLeft(t *testing.T) {
	t.Parallel()
	for range Messages(io.MultiReader(strings.NewReader(`{"status":"a"}`), failingReader{})) {
		break
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { panic("read beyond what was asked for") }

// FuzzMessages: whatever comes, it ends; what is accepted says the same when it is sent again.
func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"status":"a","progressDetail":{"current":1},"progress":"1/? (n/a)"}` + "\r\n" + `{"error":"x","errorDetail":{"message":"y"}}`))
	f.Add([]byte(`{"aux":{"a":[1]}} null {"stream":"\u0000"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		e := NewEncoder(&out, nil)
		var want []Message
		for m, err := range Messages(bytes.NewReader(in)) {
			if err != nil && m.failure() == nil {
				return
			}
			want = append(want, m)
			if err := e.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		var got []Message
		for m := range Messages(&out) {
			got = append(got, m)
		}
		if len(got) != len(want) {
			t.Fatalf("%d messages became %d", len(want), len(got))
		}
		for i := range got {
			a, errA := json.Marshal(want[i])
			b, errB := json.Marshal(got[i])
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Fatalf("%s became %s", a, b)
			}
		}
	})
}

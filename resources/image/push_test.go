package image

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	moby "github.com/moby/moby/client"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/internal/progress"
)

type pusher string

type pushStream struct {
	moby.ImagePushResponse
	io.Reader
}

func (p pushStream) Read(b []byte) (int, error) { return p.Reader.Read(b) }
func (pushStream) Close() error                 { return nil }

func (p pusher) ImagePush(context.Context, string, moby.ImagePushOptions) (moby.ImagePushResponse, error) {
	return pushStream{Reader: strings.NewReader(string(p))}, nil
}

// TestPush: engines say the digest to programs, to people or to nobody, and report how far they are.
func TestPush(t *testing.T) {
	t.Parallel()
	d := digest.FromString("x")
	for name, tc := range map[string]struct {
		stream string
		want   digest.Digest
		events []progress.Event
	}{
		"aux":     {`{"progressDetail":{},"aux":{"Tag":"1","Digest":"` + d.String() + `","Size":5}}`, d, nil},
		"status":  {`{"status":"1: digest: ` + d.String() + ` size: 528"}`, d, []progress.Event{{Object: "a:1", Message: "1: digest: " + d.String() + " size: 528"}}},
		"nobody":  {`{"status":"done"}`, "", []progress.Event{{Object: "a:1", Message: "done"}}},
		"bad aux": {`{"aux":{"Digest":"sha256:short"}}{"aux":[1]}`, "", nil},
		"two at once": {`{"status":"Pushing","id":"a","progressDetail":{"current":5,"total":10}}{"status":"Pushing","id":"b","progressDetail":{"current":12,"total":10}}{"status":"Pushed","id":"a"}`, "", []progress.Event{
			{Object: "a:1", Message: "a: Pushing", Current: 5, Total: 10},
			{Object: "a:1", Message: "b: Pushing", Current: 15, Total: 20},
			{Object: "a:1", Message: "a: Pushed", Current: 20, Total: 20},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var events []progress.Event
			ctx := progress.With(t.Context(), func(e progress.Event) { events = append(events, e) })
			got, err := Push(ctx, pusher(tc.stream), "a:1", "")
			if err != nil || got != tc.want {
				t.Errorf("%q, %v, want %q", got, err, tc.want)
			}
			if diff := cmp.Diff(tc.events, events); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

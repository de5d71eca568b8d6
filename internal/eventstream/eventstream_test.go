package eventstream

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"
)

// source opens one stream after the other: each gives its messages and, unless it is the last, ends.
type source struct {
	streams [][]string
	opened  []time.Time
}

func (s *source) Events(ctx context.Context, _ moby.EventsListOptions) moby.EventsResult {
	n := len(s.opened)
	s.opened = append(s.opened, time.Now())
	messages, ended := make(chan events.Message), make(chan error, 1)
	go func() {
		for _, action := range s.streams[min(n, len(s.streams)-1)] {
			select {
			case messages <- events.Message{Action: events.Action(action)}:
			case <-ctx.Done():
				return
			}
		}
		if n < len(s.streams)-1 {
			ended <- io.EOF
		}
	}()
	return moby.EventsResult{Messages: messages, Err: ended}
}

// TestListen: a stream that ends is followed by another one, and who listens is told to look.
func TestListen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		streams [][]string
		want    []string        // "" is a nil
		at      []time.Duration // when the streams were opened
	}{
		"one":                 {[][]string{{"start", "die"}}, []string{"start", "die", ""}, []time.Duration{0}},
		"an end":              {[][]string{{"start"}, {"die"}}, []string{"start", "", "die", ""}, []time.Duration{0, 0}},
		"nothing but ends":    {[][]string{{}, {}, {}, {"die"}}, []string{"", "", "", "die"}, []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond}},
		"nothing, then again": {[][]string{{}, {"start"}, {"die"}}, []string{"", "start", "", "die"}, []time.Duration{0, 100 * time.Millisecond, 100 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				s, began := &source{streams: test.streams}, time.Now()
				heard := Listen(ctx, s, nil)
				for i, want := range test.want {
					got := ""
					if m := <-heard; m != nil {
						got = string(m.Action)
					}
					if got != want {
						t.Fatalf("%d: heard %q, want %q", i, got, want)
					}
				}
				cancel()
				synctest.Wait() // nothing of it may be left: synctest.Test sees to that
				for i, at := range s.opened {
					if got := at.Sub(began); got != test.at[i] {
						t.Errorf("stream %d was opened after %s, want %s", i, got, test.at[i])
					}
				}
				if len(s.opened) != len(test.at) {
					t.Errorf("%d streams were opened, want %d", len(s.opened), len(test.at))
				}
			})
		})
	}
}

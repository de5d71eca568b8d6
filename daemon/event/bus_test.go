package event

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/events"

	"github.com/cleat-dev/cleat/daemon/metadata"
)

func database(t testing.TB, path string) *metadata.DB {
	t.Helper()
	db, err := metadata.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// bus is one on a file of its own, closed at the end.
func bus(t testing.TB, keep int) *Bus {
	t.Helper()
	db := database(t, filepath.Join(t.TempDir(), "meta.db"))
	t.Cleanup(func() { _ = db.Close() })
	b, err := Open(db, keep)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func message(action string) events.Message {
	return events.Message{Type: events.ContainerEventType, Action: events.Action(action),
		Actor: events.Actor{ID: "c", Attributes: map[string]string{"name": action}}}
}

// at is a message of second n.
func at(n int64, action string) events.Message {
	m := message(action)
	m.Time = n
	return m
}

func actions(seq iter.Seq[events.Message]) []string {
	var got []string
	for m := range seq {
		got = append(got, string(m.Action))
	}
	return got
}

func second(n int64) time.Time { return time.Unix(n, 0) }

func TestReplayAfterReopening(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "meta.db")
	db := database(t, path)
	b, err := Open(db, 3)
	if err != nil {
		t.Fatal(err)
	}
	for n := range int64(5) {
		b.Publish(at(n+1, fmt.Sprint("e", n+1)))
	}
	got := actions(b.Subscribe(t.Context(), second(1), second(10), nil))
	if diff := cmp.Diff([]string{"e1", "e2", "e3", "e4", "e5"}, got); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	db = database(t, path)
	t.Cleanup(func() { _ = db.Close() })
	if b, err = Open(db, 3); err != nil {
		t.Fatal(err)
	}
	b.Publish(at(6, "e6"))
	for _, tc := range []struct {
		name         string
		since, until time.Time
		match        func(events.Message) bool
		want         []string
	}{
		{"all", second(1), second(10), nil, []string{"e3", "e4", "e5", "e6"}},
		{"from, included", second(4), second(10), nil, []string{"e4", "e5", "e6"}},
		{"a nanosecond later", second(4).Add(1), second(10), nil, []string{"e5", "e6"}},
		{"up to, included", second(1), second(4), nil, []string{"e3", "e4"}},
		{"until alone", time.Time{}, second(5), nil, []string{"e3", "e4", "e5"}},
		{"nothing", second(7), second(8), nil, nil},
		{"in the year 2286", time.Unix(9999999999, 0), second(10), nil, nil},
		{"matching", second(1), second(10), func(m events.Message) bool { return m.Action == "e5" }, []string{"e5"}},
	} {
		if diff := cmp.Diff(tc.want, actions(b.Subscribe(t.Context(), tc.since, tc.until, tc.match))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
	// A smaller keep takes effect at once.
	if _, err = Open(db, 1); err != nil {
		t.Fatal(err)
	}
	if b, err = Open(db, 5); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"e6"}, actions(b.Subscribe(t.Context(), second(1), second(10), nil))); diff != "" {
		t.Errorf("after keep=1 (-want +got):\n%s", diff)
	}
}

func TestStamp(t *testing.T) {
	t.Parallel()
	b := bus(t, 10)
	before := time.Now()
	own := message("own time")
	own.TimeNano, own.Scope = 7_000_000_001, "swarm"
	sent := message("a")
	b.Publish(own)
	b.Publish(sent)
	b.Publish(message("b"))
	sent.Actor.Attributes["name"] = "changed by the publisher later"
	var got []events.Message
	for m := range b.Subscribe(t.Context(), second(1), time.Now(), nil) {
		got = append(got, m)
	}
	if len(got) != 3 {
		t.Fatalf("got %d messages", len(got))
	}
	if diff := cmp.Diff(events.Message{Type: "container", Action: "own time", Scope: "swarm", Time: 7, TimeNano: 7_000_000_001,
		Actor: events.Actor{ID: "c", Attributes: map[string]string{"name": "own time"}}}, got[0]); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	a := got[1]
	if a.Scope != "local" || a.TimeNano < before.UnixNano() || a.Time != a.TimeNano/1e9 || a.Actor.Attributes["name"] != "a" {
		t.Errorf("stamped: %+v", a)
	}
	if got[2].TimeNano <= a.TimeNano {
		t.Errorf("times do not increase: %d, %d", a.TimeNano, got[2].TimeNano)
	}
}

func TestLiveUntilAndCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bus(t, 10)
		ctx, cancel := context.WithCancel(t.Context())
		subscribe := func(ctx context.Context, since, until time.Time) <-chan []string {
			seq, got := b.Subscribe(ctx, since, until, nil), make(chan []string, 1)
			go func() { got <- actions(seq) }()
			return got
		}
		b.Publish(message("before"))
		live := subscribe(ctx, time.Time{}, time.Time{})
		replayed := subscribe(ctx, time.Now().Add(-time.Hour), time.Time{})
		minute := subscribe(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Minute))
		early := b.Subscribe(ctx, time.Time{}, time.Time{}, nil)
		synctest.Wait()
		if n := b.Subscribers(); n != 3 {
			t.Errorf("%d subscribers, want 3", n)
		}
		b.Publish(message("one"))
		<-time.After(2 * time.Minute) // synctest: no time passes
		b.Publish(message("two"))
		synctest.Wait()
		for m := range early { // began before "one", though nobody was reading
			if m.Action != "one" {
				t.Errorf("first of early is %s", m.Action)
			}
			break
		}
		cancel()
		for _, tc := range []struct {
			name string
			got  <-chan []string
			want []string
		}{
			{"live", live, []string{"one", "two"}},
			{"replayed", replayed, []string{"before", "one", "two"}},
			{"a minute", minute, []string{"before", "one"}},
		} {
			if diff := cmp.Diff(tc.want, <-tc.got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.name, diff)
			}
		}
		if n := b.Subscribers(); n != 0 {
			t.Errorf("%d subscribers are left", n)
		}
	})
}

func TestTransaction(t *testing.T) {
	t.Parallel()
	b := bus(t, 10)
	broken := errors.New("broken")
	var failed, succeeded func()
	if err := b.db.Update(func(tx *metadata.Tx) (err error) {
		failed, err = b.PublishIn(tx, message("failed"))
		return errors.Join(err, broken)
	}); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	failed()
	if err := b.db.Update(func(tx *metadata.Tx) (err error) {
		succeeded, err = b.PublishIn(tx, message("succeeded"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	since := time.Now().Add(-time.Hour)
	if got := actions(b.Subscribe(t.Context(), since, time.Now(), nil)); got != nil {
		t.Errorf("%v was told before announce", got)
	}
	succeeded()
	succeeded()
	if diff := cmp.Diff([]string{"succeeded"}, actions(b.Subscribe(t.Context(), since, time.Now(), nil))); diff != "" {
		t.Errorf("in memory (-want +got):\n%s", diff)
	}
	again, err := Open(b.db, 10)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"succeeded"}, actions(again.Subscribe(t.Context(), since, time.Now(), nil))); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

// A subscriber that does not read is told so in the end; meanwhile publishing and the others go on.
func TestSlowSubscriber(t *testing.T) {
	t.Parallel()
	b := bus(t, 1)
	b.bound = 8 // instead of publishing thousands
	ctx, cancel := context.WithCancel(t.Context())
	stuck, release := make(chan struct{}), make(chan struct{})
	slow := make(chan []events.Message, 1)
	seq := b.Subscribe(ctx, time.Time{}, time.Time{}, func(m events.Message) bool { return m.Type == "container" })
	go func() {
		var got []events.Message
		for m := range seq {
			got = append(got, m)
			if len(got) == 1 {
				close(stuck)
				<-release
			}
		}
		slow <- got
	}()
	behind := b.Subscribe(ctx, time.Time{}, time.Time{}, nil)
	b.Publish(message("0"))
	<-stuck
	for i := range 20 {
		b.Publish(message(fmt.Sprint(i + 1)))
	}
	close(release)
	got := <-slow
	last := got[len(got)-1]
	if len(got) != 2 || got[0].Action != "0" || last.Action != ActionOverrun || last.Actor.Attributes["lost"] != "12" || last.Actor.Attributes["reason"] == "" {
		t.Errorf("the slow one got %+v", got)
	}
	if diff := cmp.Diff([]string{"overrun"}, actions(behind)); diff != "" {
		t.Errorf("one that never read (-want +got):\n%s", diff)
	}
	cancel()
}

func TestConcurrentPublishersAndSubscribers(t *testing.T) {
	t.Parallel()
	const publishers, each = 8, 50
	b := bus(t, 20)
	var wg, readers sync.WaitGroup
	for range 4 {
		seq := b.Subscribe(t.Context(), time.Time{}, time.Time{}, nil)
		readers.Go(func() {
			next := map[string]int{}
			n := 0
			for m := range seq {
				if m.Actor.Attributes["name"] != fmt.Sprint(next[m.Actor.ID]) {
					t.Errorf("publisher %s: got %s, want %d", m.Actor.ID, m.Actor.Attributes["name"], next[m.Actor.ID])
				}
				next[m.Actor.ID]++
				if n++; n == publishers*each {
					return
				}
			}
		})
	}
	for p := range publishers {
		wg.Go(func() {
			for i := range each {
				m := message(fmt.Sprint(i))
				m.Actor.ID = fmt.Sprint(p)
				b.Publish(m)
			}
		})
	}
	wg.Wait()
	readers.Wait()
	stored, err := b.table.All()
	if err != nil || len(stored) != 20 {
		t.Errorf("%d stored, %v; want 20", len(stored), err)
	}
}

// Without the disk the live stream goes on.
func TestDiskTakesNothing(t *testing.T) {
	t.Parallel()
	b := bus(t, 10)
	seq := b.Subscribe(t.Context(), time.Time{}, time.Now().Add(time.Hour), nil)
	if err := b.db.Close(); err != nil {
		t.Fatal(err)
	}
	b.Publish(message("all the same"))
	for m := range seq {
		if m.Action != "all the same" || m.TimeNano == 0 {
			t.Errorf("got %+v", m)
		}
		break
	}
}

func BenchmarkPublish(b *testing.B) {
	bus := bus(b, 1000)
	for b.Loop() {
		bus.Publish(message("start"))
	}
}

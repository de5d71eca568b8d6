package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyevents "github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/system"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// fake says what it is to say, and ends as it is to end.
type fake struct {
	time  string
	says  []mobyevents.Message
	ends  error
	info  error
	asked moby.EventsListOptions
}

func (f *fake) Info(context.Context, moby.InfoOptions) (moby.SystemInfoResult, error) {
	return moby.SystemInfoResult{Info: system.Info{SystemTime: f.time}}, f.info
}

func (f *fake) Events(ctx context.Context, o moby.EventsListOptions) moby.EventsResult {
	f.asked = o
	messages, ended := make(chan mobyevents.Message), make(chan error, 1)
	go func() {
		for _, m := range f.says {
			select {
			case messages <- m:
			case <-ctx.Done():
			}
		}
		ended <- f.ends
	}()
	return moby.EventsResult{Messages: messages, Err: ended}
}

const engineTime = "2026-11-22T10:00:00.5Z"

func TestRead(t *testing.T) {
	t.Parallel()
	start := mobyevents.Message{Type: "container", Action: "start", Scope: "local", Time: 1000, TimeNano: 1000_000000007, Actor: mobyevents.Actor{ID: "c1", Attributes: map[string]string{"name": "web"}}}
	old := mobyevents.Message{Type: "image", Action: "pull", Time: 1001, Actor: mobyevents.Actor{ID: "busybox:1"}}
	f := &fake{time: engineTime, says: []mobyevents.Message{start, old}, ends: io.EOF}
	by := contract.BlocksOf(filter.Filter{Name: types.StringValue("type"), Values: types.SetValueMust(types.StringType, []attr.Value{types.StringValue("container")})})
	got, err := DataSource{}.Read(t.Context(), f, Model{Since: types.StringValue("10m"), Filters: by})
	if err != nil {
		t.Fatal(err)
	}
	want := Model{ID: types.StringValue("events"), Since: types.StringValue("10m"), Filters: by, Events: object.List([]map[string]attr.Value{
		{
			"time": types.StringValue("1970-01-01T00:16:40.000000007Z"), "type": types.StringValue("container"), "action": types.StringValue("start"),
			"actor_id": types.StringValue("c1"), "scope": types.StringValue("local"), "attributes": flatten.TextMap(map[string]string{"name": "web"}),
		},
		{
			"time": types.StringValue("1970-01-01T00:16:41Z"), "type": types.StringValue("image"), "action": types.StringValue("pull"),
			"actor_id": types.StringValue("busybox:1"), "scope": types.StringNull(), "attributes": flatten.TextMap(nil),
		},
	})}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	now, err := time.Parse(time.RFC3339Nano, engineTime)
	if err != nil {
		t.Fatal(err)
	}
	asked := moby.EventsListOptions{
		Since: fmt.Sprintf("%d.500000000", now.Add(-10*time.Minute).Unix()), Until: fmt.Sprintf("%d.500000000", now.Unix()), Filters: moby.Filters{}.Add("type", "container"),
	}
	if diff := cmp.Diff(asked, f.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestReadBounds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Model
		fake   fake
		since  string
		path   string
		class  error
	}{
		"all":              {fake: fake{time: engineTime, ends: io.EOF}, since: "0.000000000"},
		"no clock":         {fake: fake{ends: io.EOF}, since: "0.000000000"},
		"seconds":          {config: Model{Since: types.StringValue("12.5")}, fake: fake{ends: io.EOF}, since: "12.500000000"},
		"known at apply":   {config: Model{Until: types.StringValue("x")}, fake: fake{ends: io.EOF}, path: "until", class: errs.ErrInvalid},
		"engine gone":      {fake: fake{info: errs.ErrUnavailable}, class: errs.ErrUnavailable},
		"gone while it is": {fake: fake{ends: errs.ErrUnavailable}, class: errs.ErrUnavailable, since: "0.000000000"},
		"bad filter":       {config: Model{Filters: contract.BlocksOf(filter.Filter{Name: types.StringValue("x")})}, fake: fake{ends: errs.ErrInvalid}, path: "filter", class: errs.ErrInvalid, since: "0.000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := DataSource{}.Read(t.Context(), &c.fake, c.config)
			if path, _ := contract.PathOf(err); path != c.path || !errors.Is(err, c.class) {
				t.Errorf("at %q: %v", path, err)
			}
			if c.fake.asked.Since != c.since {
				t.Errorf("since %q, want %q", c.fake.asked.Since, c.since)
			}
		})
	}
}

// What an engine tells of a time after the end is left out: see client.podmanEvents.
func TestEnd(t *testing.T) {
	t.Parallel()
	at := func(nanos int64) mobyevents.Message {
		return mobyevents.Message{Type: "container", Time: nanos / 1e9, TimeNano: nanos}
	}
	f := &fake{says: []mobyevents.Message{at(1000_250000000), at(1000_250000001)}, ends: io.EOF}
	got, err := DataSource{}.Read(t.Context(), f, Model{Until: types.StringValue("1000.25")})
	if err != nil || len(got.Events.Elements()) != 1 || f.asked.Until != "1000.250000000" {
		t.Errorf("%v, asked until %q: %v", got.Events, f.asked.Until, err)
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"1h30m": now.Add(-90 * time.Minute), "-5s": now.Add(5 * time.Second), "2026-11-22T11:00:00+01:00": now, "1000": time.Unix(1000, 0), "1000.25": time.Unix(1000, 250_000_000), "0": time.Unix(0, 0),
	} {
		if got, err := moment(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "yesterday", "1.2.3", "1.0000000000", "-1", "2026-11-22", "0x10", "99999999999999999"} {
		if got, err := moment(s, now); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
}

package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyevents "github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/datasources/filter"
	"github.com/cleat-dev/cleat/internal/flatten"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Model is the question and its answer.
type Model struct {
	ID      types.String  `tfsdk:"id"`
	Since   types.String  `tfsdk:"since"`
	Until   types.String  `tfsdk:"until"`
	Filters filter.Blocks `tfsdk:"filter"`
	Events  types.List    `tfsdk:"events"`
}

var object = flatten.Object{
	"time":       types.StringType,
	"type":       types.StringType,
	"action":     types.StringType,
	"actor_id":   types.StringType,
	"scope":      types.StringType,
	"attributes": types.MapType{ElemType: types.StringType},
}

// API is the part of an engine's API this data source needs.
type API interface {
	Events(ctx context.Context, options moby.EventsListOptions) moby.EventsResult
	Info(ctx context.Context, options moby.InfoOptions) (moby.SystemInfoResult, error)
}

// DataSource is docker_events.
type DataSource struct{}

var _ contract.DataSource[Model, API] = DataSource{}

// Name implements contract.DataSource.
func (DataSource) Name() string { return "events" }

// Schema implements contract.DataSource.
func (DataSource) Schema(context.Context) schema.Schema {
	const forms = "an RFC 3339 time such as `2026-11-22T10:00:00Z`, seconds since 1970, or a duration such as `10m`, that long ago"
	moment := []validator.String{momentValidator{}}
	return schema.Schema{
		MarkdownDescription: "What happened on the engine: containers that were started or died, images that were pulled, networks that were connected. " +
			"Engines remember a limited number of events (Docker and cleatd the last 256) and forget all when they are started again. Times are by the engine's clock. " +
			"The answer is another one with every read: what refers to it changes with every plan.",
		Attributes: map[string]schema.Attribute{
			"id":    schema.StringAttribute{Computed: true, MarkdownDescription: "Always `events`."},
			"since": schema.StringAttribute{Optional: true, Validators: moment, MarkdownDescription: "Begin: " + forms + ". All the engine remembers when not given."},
			"until": schema.StringAttribute{Optional: true, Validators: moment, MarkdownDescription: "End, in the same forms; now when not given. A time to come makes the read wait for it."},
			"events": schema.ListAttribute{
				Computed: true, ElementType: object.Type(),
				MarkdownDescription: "The events in their order, objects with `time` (RFC 3339, UTC), `type` (`container`, `image`, `network` …), `action` (`start`, `die`, `pull` …), " +
					"`actor_id` (id or name of what it happened to), `scope` (`local` or `swarm`) and `attributes` (a map: name, image, labels, exit code …).",
			},
		},
		Blocks: map[string]schema.Block{"filter": filter.Schema("events", "`type`, `event`, `container`, `image`, `network`, `volume`, `label`")},
	}
}

// Read implements contract.DataSource.
func (DataSource) Read(ctx context.Context, e API, config Model) (Model, error) {
	info, err := e.Info(ctx, moby.InfoOptions{})
	if err != nil {
		return config, fmt.Errorf("events: the engine's time: %w", err)
	}
	now, err := time.Parse(time.RFC3339Nano, info.Info.SystemTime)
	if err != nil { // old engines do not tell
		now = time.Now()
	}
	since, until := time.Unix(0, 0), now
	for _, bound := range []struct {
		path  string
		given types.String
		to    *time.Time
	}{{"since", config.Since, &since}, {"until", config.Until, &until}} {
		if bound.given.ValueString() == "" {
			continue
		}
		if *bound.to, err = moment(bound.given.ValueString(), now); err != nil {
			return config, contract.At(bound.path, "%w", err)
		}
	}
	options := moby.EventsListOptions{Since: stamp(since), Until: stamp(until), Filters: filter.Of(config.Filters)}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result := e.Events(ctx, options)
	var items []map[string]attr.Value
	for {
		select {
		case m := <-result.Messages:
			if !happened(m).After(until) { // podman may tell more
				items = append(items, flattenEvent(m))
			}
		case err := <-result.Err:
			if err != nil && !errors.Is(err, io.EOF) {
				return config, filter.Failed("events", config.Filters, err)
			}
			config.ID, config.Events = types.StringValue("events"), object.List(items)
			return config, nil
		}
	}
}

// happened is the time of an event; old engines tell seconds.
func happened(m mobyevents.Message) time.Time {
	if m.TimeNano != 0 {
		return time.Unix(0, m.TimeNano)
	}
	return time.Unix(m.Time, 0)
}

func flattenEvent(m mobyevents.Message) map[string]attr.Value {
	return map[string]attr.Value{
		"time":       types.StringValue(happened(m).UTC().Format(time.RFC3339Nano)),
		"type":       flatten.Text(m.Type),
		"action":     flatten.Text(m.Action),
		"actor_id":   flatten.Text(m.Actor.ID),
		"scope":      flatten.Text(m.Scope),
		"attributes": flatten.TextMap(m.Actor.Attributes),
	}
}

// stamp is a time as engines take it.
func stamp(t time.Time) string { return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond()) }

// moment reads a point in time; one that is a duration is so long before now.
func moment(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && strings.Trim(s, "0123456789.") != "" {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, nil
	}
	whole, part, _ := strings.Cut(s, ".")
	seconds, err := strconv.ParseUint(whole, 10, 40)
	nanos := uint64(0)
	if err == nil && part != "" {
		nanos, err = strconv.ParseUint((part + "000000000")[:9], 10, 31)
	}
	if err != nil || len(part) > 9 {
		return time.Time{}, fmt.Errorf("found %q, want an RFC 3339 time (2026-11-22T10:00:00Z), seconds since 1970 or a duration (10m): %w", s, errs.ErrInvalid)
	}
	return time.Unix(int64(seconds), int64(nanos)), nil
}

// momentValidator refuses at plan what is no point in time.
type momentValidator struct{}

func (momentValidator) Description(context.Context) string         { return "a time, or a duration" }
func (momentValidator) MarkdownDescription(context.Context) string { return "a time, or a duration" }

func (momentValidator) ValidateString(_ context.Context, in validator.StringRequest, out *validator.StringResponse) {
	if in.ConfigValue.IsNull() || in.ConfigValue.IsUnknown() {
		return
	}
	if _, err := moment(in.ConfigValue.ValueString(), time.Time{}); err != nil {
		out.Diagnostics.AddAttributeError(in.Path, "Invalid time", err.Error())
	}
}

package image

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobyimage "github.com/moby/moby/api/types/image"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/progress"
	"github.com/cleat-dev/cleat/resources/contract"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	digest := "@sha256:" + strings.Repeat("ab", 32)
	for name, c := range map[string]struct {
		config map[string]attr.Value
		local  map[string]string
		calls  string
		id     string // image_id as Create knows it, "" for unknown
	}{
		"local":         {map[string]attr.Value{"name": str("busybox")}, map[string]string{"busybox:latest": "sha256:old"}, "inspect busybox:latest", "sha256:old"},
		"pull":          {map[string]attr.Value{"name": str("busybox:1")}, nil, `inspect busybox:1; pull busybox:1 auth="token" platforms=0`, ""},
		"digest, local": {map[string]attr.Value{"name": str("busybox:1" + digest)}, map[string]string{"busybox" + digest: "sha256:old"}, "inspect busybox" + digest, "sha256:old"},
		"platform, local": {
			map[string]attr.Value{"name": str("busybox:1"), "platform": str("linux/x86_64")}, map[string]string{"busybox:1": "sha256:old"},
			"inspect busybox:1", "sha256:old",
		},
		"other platform, local": {
			map[string]attr.Value{"name": str("busybox:1"), "platform": str("linux/arm64")}, map[string]string{"busybox:1": "sha256:arm"},
			`inspect busybox:1; pull busybox:1 auth="token" platforms=1; inspect busybox:1`, "sha256:arm64",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			for name, id := range c.local {
				g.e.names[name] = id
			}
			g.e.images["sha256:arm"] = mobyimage.InspectResponse{Os: "linux", Architecture: "arm"}
			g.e.images["sha256:arm64"] = mobyimage.InspectResponse{Os: "linux", Architecture: "arm64", Variant: "v8"}
			if c.id == "sha256:arm64" {
				g.e.pulled = c.id
			}
			result, err := g.do(g.plan(g.object(c.config), g.r.Node().Null()), g.r.Node().Null())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.calls, g.e.taken()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if got := value(result, "image_id"); got != c.id {
				t.Errorf("image_id = %q, want %q", got, c.id)
			}
			if c.id != "" && value(result, "id") != c.id+value(result, "name") {
				t.Errorf("id = %q", value(result, "id"))
			}
		})
	}
}

func TestPullAgainReplacesInPlace(t *testing.T) {
	t.Parallel()
	trigger := func(s string) map[string]attr.Value {
		return map[string]attr.Value{"name": str("busybox:1"), "pull_triggers": types.SetValueMust(types.StringType, []attr.Value{str(s)})}
	}
	for name, c := range map[string]struct {
		prepare func(e *engine)
		keep    bool
		calls   string
	}{
		"old one is left over": {func(*engine) {}, false,
			`pull busybox:1 auth="token" platforms=0; inspect busybox:1; inspect sha256:old; remove sha256:old force=false`},
		"old one has another name": {func(e *engine) { e.names["mine:1"] = "sha256:old" }, false,
			`pull busybox:1 auth="token" platforms=0; inspect busybox:1; inspect sha256:old`},
		"a container uses the old one": {func(e *engine) { e.used["sha256:old"] = true }, false,
			`pull busybox:1 auth="token" platforms=0; inspect busybox:1; inspect sha256:old; remove sha256:old force=false`},
		"nothing new": {func(e *engine) { e.pulled = "sha256:old" }, false, `pull busybox:1 auth="token" platforms=0; inspect busybox:1`},
		"kept":        {func(*engine) {}, true, `pull busybox:1 auth="token" platforms=0; inspect busybox:1`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.e.names["busybox:1"] = "sha256:old"
			observed := g.apply(g.object(trigger("a")), g.r.Node().Null())
			c.prepare(g.e)
			next := trigger("b")
			if c.keep {
				next["keep_locally"] = types.BoolValue(true)
			}
			p := g.plan(g.object(next), observed)
			if !p.Planned.Attributes()["image_id"].IsUnknown() || p.Changes.Effect() != contract.InPlace {
				t.Errorf("planned %s, image_id %s", changes(p.Changes), p.Planned.Attributes()["image_id"])
			}
			g.e.taken()
			result := g.apply(g.object(next), observed)
			if diff := cmp.Diff(c.calls, g.e.taken()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if got := value(result, "image_id"); got != g.e.pulled {
				t.Errorf("image_id = %q", got)
			}
		})
	}
}

func TestFailedPullKeepsTheOldImage(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.e.names["busybox:1"] = "sha256:old"
	observed := g.apply(g.object(map[string]attr.Value{"name": str("busybox:1")}), g.r.Node().Null())
	g.e.taken()
	g.e.pullErr = errors.New("connection refused")
	p := g.plan(g.object(map[string]attr.Value{"name": str("busybox:1"), "triggers": dict("a", "1")}), observed)
	if _, err := g.do(p, observed); !errors.Is(err, errs.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if calls := g.e.taken(); strings.Contains(calls, "remove") || g.e.names["busybox:1"] != "sha256:old" {
		t.Errorf("a failed pull touched what was there: %s", calls)
	}
}

func TestConfigOnlyChangesMakeNoCall(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.e.names["busybox:1"] = "sha256:old"
	observed := g.apply(g.object(map[string]attr.Value{"name": str("busybox:1")}), g.r.Node().Null())
	g.e.taken()
	p := g.plan(g.object(map[string]attr.Value{"name": str("busybox:1"), "keep_locally": types.BoolValue(true), "force_remove": types.BoolValue(true)}), observed)
	if got := value(p.Planned, "image_id"); got != "sha256:old" {
		t.Errorf("planned image_id %q", got)
	}
	if _, err := g.do(p, observed); err != nil || g.e.taken() != "" {
		t.Errorf("err %v, calls made", err)
	}
}

func TestPullErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		stream string
		class  error
		path   string
		text   string
	}{
		"404": {err: errs.ErrNotFound, class: errs.ErrNotFound, path: "name"},
		"404, or private": {err: fmt.Errorf("pull access denied for team/app, repository does not exist or may require 'docker login': %w", errs.ErrNotFound),
			class: errs.ErrNotFound, path: "name", text: "registry_auth block for registry.test:5000"},
		"500 unauthorized":  {err: errors.New(`Head "http://r/v2/a/manifests/v1": no basic auth credentials`), class: errs.ErrUnauthorized, path: "name", text: "registry_auth block for registry.test:5000"},
		"500 refused":       {err: errors.New("dial tcp 127.0.0.1:1: connect: connection refused"), class: errs.ErrUnavailable, text: "registry.test:5000"},
		"stream, not found": {stream: `{"error":"manifest unknown"}`, class: errs.ErrNotFound, path: "name"},
		"stream, denied":    {stream: `{"errorDetail":{"message":"denied: requested access to the resource is denied"},"error":"denied"}`, class: errs.ErrUnauthorized, path: "name"},
		"stream, disk full": {stream: `{"status":"Extracting"}{"errorDetail":{"message":"write /x: no space left on device"}}`, class: errs.ErrUnavailable, text: "no space left"},
		"stream, other":     {stream: `{"error":"something else"}`, class: errs.ErrInternal},
		"stream, cut":       {stream: `{"status":"Downloading","progr`, class: errs.ErrUnavailable, text: "stopped in the middle"},
		"stream, garbage":   {stream: `<html>`, class: errs.ErrInternal, text: "not a stream of messages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine()
			e.pullErr, e.stream = c.err, c.stream
			err := Pull(t.Context(), e, "registry.test:5000/app:v1", "")
			if errs.Class(err) != c.class {
				t.Errorf("class %v of %v, want %v", errs.Class(err), err, c.class)
			}
			if path, _ := contract.PathOf(err); path != c.path {
				t.Errorf("path %q, want %q", path, c.path)
			}
			if err == nil || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "registry.test:5000/app:v1") {
				t.Errorf("error %q does not say %q", err, c.text)
			}
		})
	}
}

func TestWrongPlatformOfRegistry(t *testing.T) {
	t.Parallel()
	g := newRig(t) // the registry has one image, for amd64, and engines take it
	null := g.r.Node().Null()
	_, err := g.do(g.plan(g.object(map[string]attr.Value{"name": str("busybox:1"), "platform": str("linux/arm64")}), null), null)
	if path, _ := contract.PathOf(err); path != "platform" || !strings.Contains(err.Error(), "linux/amd64") {
		t.Errorf("error %v", err)
	}
	if len(g.e.names) != 0 {
		t.Errorf("a refused image stays: %v", g.e.names)
	}
}

func TestPullProgress(t *testing.T) {
	t.Parallel()
	e := newEngine()
	e.stream = `{"status":"Pulling from app","id":"v1"}
{"status":"Downloading","progressDetail":{"current":10,"total":100},"id":"a"}
{"status":"Downloading","progressDetail":{"current":5,"total":50},"id":"b"}
{"status":"Download complete","id":"a"}
{"status":"Status: Downloaded newer image"}`
	var got []progress.Event
	ctx := progress.With(t.Context(), func(e progress.Event) { got = append(got, e) })
	if err := Pull(ctx, e, "app:v1", ""); err != nil {
		t.Fatal(err)
	}
	want := []progress.Event{
		{Object: "app:v1", Message: "v1: Pulling from app"},
		{Object: "app:v1", Message: "a: Downloading", Current: 10, Total: 100},
		{Object: "app:v1", Message: "b: Downloading", Current: 15, Total: 150},
		{Object: "app:v1", Message: "a: Download complete", Current: 105, Total: 150},
		{Object: "app:v1", Message: "Status: Downloaded newer image", Current: 105, Total: 150},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

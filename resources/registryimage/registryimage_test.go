package registryimage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/opencontainers/go-digest"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

// TestLife: pushed, unchanged, changed by us and by others, deleted.
func TestLife(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		silent  bool
		disturb func(w *world)
		config  config
		gone    bool
		// changes are planned, calls made for them, deleted those of the deletion afterwards.
		changes string
		calls   []string
		deleted []string
	}{
		"nothing":           {calls: nil, deleted: []string{"DELETE digest by block"}},
		"silent engine":     {silent: true, deleted: []string{"DELETE digest by block"}},
		"spelled anew":      {config: config{"keep_remotely": types.BoolValue(true)}, changes: "keep_remotely update (configuration)"},
		"trigger":           {config: config{"triggers": words("a", "1")}, changes: "triggers update (configuration)", calls: []string{"push /team/app:1 as block"}, deleted: []string{"DELETE digest by block"}},
		"moved":             {disturb: func(w *world) { w.put("1", "other") }, changes: "moved_to update (drift)", calls: []string{"push /team/app:1 as block"}, deleted: []string{"DELETE digest by block"}},
		"gone":              {disturb: func(w *world) { clear(w.manifests) }, gone: true},
		"another tag moved": {disturb: func(w *world) { w.put("2", "other") }, deleted: []string{"DELETE digest by block"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := host(t), newWorld(t)
			w.silent = tc.silent
			base := config{"name": text(w.host + "/team/app:1")}
			created, err := r.Create(t.Context(), w, plan(t, r, w, object(t, r, base), r.Node().Null()).Planned)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"push /team/app:1 as block"}
			if tc.silent {
				want = append(want, "HEAD 1 by block")
			}
			if diff := cmp.Diff(want, w.taken()); diff != "" {
				t.Errorf("create (-want +got):\n%s", diff)
			}
			if pushed := w.tags["1"].String(); value(created, "sha256_digest") != pushed || value(created, "id") != pushed {
				t.Errorf("digest %q, pushed %q", value(created, "sha256_digest"), pushed)
			}
			if tc.disturb != nil {
				tc.disturb(w)
			}
			observed, err := r.Read(t.Context(), w, created)
			if tc.gone != errors.Is(err, errs.ErrNotFound) {
				t.Fatalf("gone: %v", err)
			}
			if tc.gone {
				return
			}
			w.taken()
			for n, v := range tc.config {
				base[n] = v
			}
			p := plan(t, r, w, object(t, r, base), observed)
			if diff := cmp.Diff(tc.changes, said(p.Changes)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			if len(p.Changes) > 0 {
				if observed, err = r.Update(t.Context(), w, observed, p.Planned, p.Changes); err != nil {
					t.Fatal(err)
				}
				if err := r.Check(p.Planned, observed); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff(tc.calls, w.taken()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			if again, err := r.Read(t.Context(), w, observed); err != nil || len(plan(t, r, w, object(t, r, base), again).Changes) > 0 {
				t.Errorf("plan afterwards is not empty, %v", err)
			}
			w.taken()
			if err := r.Delete(t.Context(), w, observed); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.deleted, w.taken()); diff != "" {
				t.Errorf("delete (-want +got):\n%s", diff)
			}
		})
	}
}

func said(changes contract.Changes) string {
	var all []string
	for _, c := range changes {
		all = append(all, fmt.Sprintf("%s %s (%s)", c.Path, c.Effect, c.Cause))
	}
	return strings.Join(all, ", ")
}

// TestForeignTag: what somebody else has put under the name since is not deleted.
func TestForeignTag(t *testing.T) {
	t.Parallel()
	r, w := host(t), newWorld(t)
	created, err := r.Create(t.Context(), w, plan(t, r, w, object(t, r, config{"name": text(w.host + "/team/app:1")}), r.Node().Null()).Planned)
	if err != nil {
		t.Fatal(err)
	}
	theirs := w.put("1", "theirs")
	observed, err := r.Read(t.Context(), w, created)
	if err != nil || value(observed, "moved_to") != theirs.String() || value(observed, "sha256_digest") != value(created, "sha256_digest") {
		t.Fatalf("%v, %v", observed, err)
	}
	if err := r.Delete(t.Context(), w, observed); err != nil {
		t.Fatal(err)
	}
	if _, ok := w.manifests[theirs]; !ok || len(w.manifests) != 1 {
		t.Errorf("left: %v", w.manifests)
	}
}

// TestUnknownPush: where nobody knows what was pushed nothing is deleted, and that is said.
func TestUnknownPush(t *testing.T) {
	t.Parallel()
	r, w := host(t), newWorld(t)
	lost := object(t, r, config{"name": text(w.host + "/team/app:1")})
	for _, there := range []bool{false, true} {
		if there {
			w.put("1", "whose?")
		}
		ctx, warnings := contract.Collect(t.Context())
		if err := r.Delete(ctx, w, lost); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"HEAD 1 by block"}, w.taken()); diff != "" || len(warnings()) > 0 != there {
			t.Errorf("there: %t, warnings %v (-want +got):\n%s", there, warnings(), diff)
		}
	}
}

// TestRefusals: every error says what to do, at its attribute, and no password.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const password = "s3cret-of-mine"
	type attempt func(r contract.Resource, w *world, o types.Object) error
	push := func(failure string) attempt {
		return func(r contract.Resource, w *world, o types.Object) error {
			w.failure = failure
			_, err := r.Create(context.WithoutCancel(w.t.Context()), w, o)
			return err
		}
	}
	remove := func(status int) attempt {
		return func(r contract.Resource, w *world, o types.Object) error {
			created, err := r.Create(context.WithoutCancel(w.t.Context()), w, o)
			if err != nil {
				return err
			}
			w.refuses = status
			return r.Delete(context.WithoutCancel(w.t.Context()), w, created)
		}
	}
	for name, tc := range map[string]struct {
		try  attempt
		at   string
		want string
		kind error
	}{
		"no image":         {push("An image does not exist locally with the tag: x"), "name", "docker_image or docker_tag", errs.ErrNotFound},
		"push denied":      {push("denied: requested access to the resource is denied"), "name", "registry_auth block for", errs.ErrUnauthorized},
		"no TLS":           {push("Get https://x/v2/: http: server gave HTTP response to HTTPS client"), "name", "insecure-registries", errs.ErrInternal},
		"own CA":           {push("x509: certificate signed by unknown authority"), "name", "/etc/docker/certs.d/127.0.0.1", errs.ErrInternal},
		"unreachable":      {push("dial tcp 10.0.0.1:443: connect: connection refused"), "", "run again", errs.ErrUnavailable},
		"deletes nothing":  {remove(http.StatusMethodNotAllowed), "keep_remotely", "set keep_remotely = true", errs.ErrConflict},
		"may not delete":   {remove(http.StatusForbidden), "keep_remotely", "does not let these credentials delete", errs.ErrUnauthorized},
		"breaks at delete": {remove(http.StatusInternalServerError), "", "deletion from the registry", errs.ErrInternal},
		"digest not read": {func(r contract.Resource, w *world, o types.Object) error {
			w.silent, w.shuts = true, http.StatusForbidden
			_, err := r.Create(context.WithoutCancel(w.t.Context()), w, o)
			if partial := new(contract.Partial); !errors.As(err, &partial) {
				w.t.Errorf("%v is no Partial: the image would be forgotten", err)
			}
			return err
		}, "name", "pushed, but", errs.ErrUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w := host(t), newWorld(t)
			declared := object(t, r, config{
				"name":        text(w.host + "/team/app:1"),
				"auth_config": block(t, r, "auth_config", config{"address": text(w.host), "username": text("me"), "password": text(password)}),
			})
			err := tc.try(r, w, plan(t, r, w, declared, r.Node().Null()).Planned)
			at, _ := contract.PathOf(err)
			if err == nil || at != tc.at || !strings.Contains(err.Error(), tc.want) || !errors.Is(err, tc.kind) {
				t.Errorf("at %q: %v; want %q at %q", at, err, tc.want, tc.at)
			}
			if err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("the password is in the error: %v", err)
			}
			for _, call := range w.taken() {
				if !strings.HasSuffix(call, " me") {
					t.Errorf("%s: not with the credentials of auth_config", call)
				}
			}
		})
	}
}

// TestBuild: a build block builds before it pushes, and a changed file is a planned push.
func TestBuild(t *testing.T) {
	t.Parallel()
	r, w := host(t), newWorld(t)
	dir := t.TempDir()
	write := func(content string) {
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("FROM scratch\n")
	declared := object(t, r, config{"name": text(w.host + "/team/app:1"), "build": block(t, r, "build", config{"context": text(dir)})})
	created, err := r.Create(t.Context(), w, plan(t, r, w, declared, r.Node().Null()).Planned)
	if err != nil {
		t.Fatal(err)
	}
	both := []string{"build /team/app:1", "push /team/app:1 as block"}
	if diff := cmp.Diff(both, w.taken()); diff != "" {
		t.Errorf("create (-want +got):\n%s", diff)
	}
	if p := plan(t, r, w, declared, created); len(p.Changes) > 0 {
		t.Errorf("plan: %s", said(p.Changes))
	}
	write("FROM scratch\nENV A=1\n")
	p := plan(t, r, w, declared, created)
	if diff := cmp.Diff("build_context update (build context)", said(p.Changes)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if _, err := r.Update(t.Context(), w, created, p.Planned, p.Changes); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(both, w.taken()); diff != "" {
		t.Errorf("update (-want +got):\n%s", diff)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	r, w := host(t), newWorld(t)
	d := w.put("1", "x")
	name := w.host + "/team/app:1"
	found, err := r.Import(t.Context(), w, name)
	if err != nil || value(found, "sha256_digest") != d.String() || value(found, "name") != name {
		t.Fatalf("%v, %v", found, err)
	}
	if p := plan(t, r, w, object(t, r, config{"name": text(name)}), found); len(p.Changes) > 0 {
		t.Errorf("plan: %s", said(p.Changes))
	}
	if _, err := r.Import(t.Context(), w, w.host+"/team/app:2"); !errors.Is(err, errs.ErrNotFound) {
		t.Errorf("missing: %v", err)
	}
	for _, bad := range []string{"Not A Name", "app@" + d.String()} {
		if _, err := r.Import(t.Context(), w, bad); !errors.Is(err, errs.ErrInvalid) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	r := host(t)
	auth := func(values config) config {
		values["address"] = text("a.example")
		return config{"name": text("a.example/app"), "auth_config": block(t, r, "auth_config", values)}
	}
	for name, tc := range map[string]struct {
		config config
		want   string
	}{
		"good":        {auth(config{"username": text("u"), "password": text("p")}), ""},
		"address":     {auth(config{}), ""},
		"unknown":     {auth(config{"username": text("u"), "password": types.StringUnknown()}), ""},
		"no user":     {auth(config{"password": text("p")}), "auth_config[0].username"},
		"no password": {auth(config{"username": text("u")}), "auth_config[0].password"},
		"digest":      {config{"name": text("a@" + digest.FromString("x").String())}, "name"},
		"buildkit":    {config{"name": text("a"), "build": block(t, r, "build", config{"context": text("https://x.example/a.tar"), "builder": text("b")})}, "build.builder"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, d := range r.Validate(t.Context(), object(t, r, tc.config)).Errors() {
				at, _ := d.(diag.DiagnosticWithPath)
				got = append(got, at.Path().String())
			}
			if (len(got) == 0) != (tc.want == "") || tc.want != "" && !strings.Contains(strings.Join(got, " "), tc.want) {
				t.Errorf("errors %v, want at %q", got, tc.want)
			}
		})
	}
}

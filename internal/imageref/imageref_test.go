package imageref_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/imageref"
)

var (
	hex    = strings.Repeat("ab", 32)
	digest = "sha256:" + hex
)

func TestLocal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"busybox":                             "busybox:latest",
		"cafe":                                "cafe:latest", // not the start of an id
		"docker.io/library/busybox":           "busybox:latest",
		"docker.io/team/app:v1":               "team/app:v1",
		"localhost:5000/app":                  "localhost:5000/app:latest",
		"app@" + digest:                       "app@" + digest,
		"localhost:5000/app:v1@" + digest:     "localhost:5000/app@" + digest,
		digest:                                digest,
		hex:                                   hex,
		"Not A Name":                          "Not A Name",
		"index.docker.io/library/busybox:1.0": "busybox:1.0",
	} {
		if got := imageref.Local(in); got != want {
			t.Errorf("Local(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b                   string
		same, sameRepo, pinned bool
	}{
		{"busybox", "docker.io/library/busybox:latest", true, true, false},
		{"busybox", "busybox:1", false, true, false},
		{"busybox", "team/busybox", false, false, false},
		{"a@" + digest, "docker.io/library/a@" + digest, true, true, true},
		{"a:v1@" + digest, "a@" + digest, false, true, true},
		{"Bad", "Bad", true, false, false},
	} {
		if got := imageref.Same(c.a, c.b); got != c.same {
			t.Errorf("Same(%q, %q) = %t", c.a, c.b, got)
		}
		if got := imageref.SameRepository(c.a, c.b); got != c.sameRepo {
			t.Errorf("SameRepository(%q, %q) = %t", c.a, c.b, got)
		}
		if got := imageref.IsDigest(c.a); got != c.pinned {
			t.Errorf("IsDigest(%q) = %t", c.a, got)
		}
	}
	if !imageref.SameValue(types.StringValue("x"), types.StringValue("x:latest")) || imageref.SameValue(types.Int64Value(1), types.StringValue("x")) {
		t.Error("SameValue disagrees with Same")
	}
	if got := imageref.Registry("localhost:5000/a"); got != "localhost:5000" {
		t.Errorf("Registry = %q", got)
	}
}

func TestValidators(t *testing.T) {
	t.Parallel()
	checks := map[string]struct {
		v         validator.String
		good, bad []string
	}{
		"Name":       {imageref.Name(), []string{"busybox", "a.b:5000/c/d:e", "a@" + digest, "a:v@" + digest}, []string{"", "UPPER", "a b", "a:", "a@sha256:short", ":v", "https://x/y", hex}},
		"Tagged":     {imageref.Tagged(), []string{"busybox", "busybox:1"}, []string{"a@" + digest, "a b"}},
		"Repository": {imageref.Repository(), []string{"busybox", "localhost:5000/a/b"}, []string{"a:v", "a@" + digest, "localhost:5000/a:v"}},
		"Tag":        {imageref.Tag(), []string{"latest", "v1.0-rc_1"}, []string{"", ".a", "-a", "a b", "a/b", strings.Repeat("a", 129)}},
		"NameOrID":   {imageref.NameOrID(), []string{"busybox", digest, hex}, []string{"", "A B"}},
	}
	for name, c := range checks {
		run := func(s types.String) bool {
			var resp validator.StringResponse
			c.v.ValidateString(t.Context(), validator.StringRequest{Path: path.Root("name"), ConfigValue: s}, &resp)
			return !resp.Diagnostics.HasError()
		}
		for _, s := range c.good {
			if !run(types.StringValue(s)) {
				t.Errorf("%s refuses %q", name, s)
			}
		}
		for _, s := range c.bad {
			if run(types.StringValue(s)) {
				t.Errorf("%s accepts %q", name, s)
			}
		}
		if !run(types.StringNull()) || !run(types.StringUnknown()) {
			t.Errorf("%s refuses null or unknown", name)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"busybox": "latest", "localhost:5000/a:v1": "v1", "a@" + digest: digest, "a:v1@" + digest: digest, "Not A Name": "",
	} {
		if got := imageref.Version(in); got != want {
			t.Errorf("Version(%q) = %q, want %q", in, got, want)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/resources/contract"
)

// TestDocument keeps the part from the declarations what they say, and the rest whole.
func TestDocument(t *testing.T) {
	t.Parallel()
	all, err := declarations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(filepath.Join("..", "..", "design", "provider-conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown, ok := shownIn(string(have))
	if !ok {
		t.Fatal("the document has no matrix: write it from the output of a whole run, with -log")
	}
	if diff := cmp.Diff(string(have), document(shown, attributesOf(all))); diff != "" {
		t.Errorf("the document is not what the declarations say: make generate (-file +declarations):\n%s", diff)
	}
	for _, d := range all {
		if d.refused["dockerd"][""] == "" && len(d.refused["dockerd"]) == len(declarable(d.Node(), "")) {
			t.Errorf("%s: dockerd refuses every attribute and not the type", d.name())
		}
	}
}

// TestRefusals: what the planner refuses is found, at its place, by whoever refuses it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	all, err := declarations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range all {
		for _, e := range engines {
			got[d.name()+" "+e.name] = d.refused[e.name][""]
			for path, why := range d.refused[e.name] {
				got[d.name()+"."+path+" "+e.name] = why
			}
		}
	}
	for where, want := range map[string]string{
		"docker_container dockerd":                                   "",
		"docker_container.networks_advanced.mac_address dockerd":     "needs API 1.44",
		"docker_container.networks_advanced.mac_address cleatd":      "",
		"docker_container.networks_advanced.mac_address cleatd-1.18": "needs API 1.21", // that of networks
		"docker_secret dockerd":                                      "",
		"docker_secret podman":                                       "podman 4.3.1 has no Swarm",
		"docker_secret cleatd-1.18":                                  "needs API 1.25",
		"docker_plugin cleatd":                                       "cleatd has no plugins",
		"docker_volume.cluster.scope podman":                         "needs API 1.42",
		"docker_volume cleatd-1.18":                                  "needs API 1.21",
		"docker_config dockerd":                                      "", "docker_image.build.secrets.src dockerd": "Needs BuildKit", "docker_image.build.sbom podman": "Needs BuildKit",
		"docker_image.build.version podman": "", "docker_container.upload.content dockerd": "", "docker_container.upload.executable dockerd": "",
		"docker_exec.tty dockerd":                                      "",
		"docker_buildx_builder dockerd":                                "docker_buildx_builder has been replaced",
		"docker_service.task_spec.container_spec.cap_add dockerd":      "",
		"docker_container.mounts.volume_options.labels.label podman":   "",
		"docker_container.mounts.volume_options.labels.label cleatd":   "",
		"docker_container.mounts.bind_options.propagation cleatd-1.18": "needs API 1.25",
	} {
		if got[where] != want {
			t.Errorf("%s: %q, want %q", where, got[where], want)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	found, err := read(strings.NewReader(`=== RUN   TestA
=== ATTR  TestA shows dockerd docker_volume create
glued=== ATTR  TestA/dockerd shows dockerd docker_volume changed labels.label env.A
--- FAIL: TestA (0.00s)
    glued--- PASS: TestA/dockerd (0.00s)
=== ATTR  TestA other dockerd docker_volume empty-plan
FAIL	example.com/a	0.1s
=== ATTR  TestA shows cleatd docker_volume drift *
--- PASS: TestA (0.00s)
ok  	example.com/b	0.1s`))
	if err != nil {
		t.Fatal(err)
	}
	want := evidence{
		{"docker_volume", "dockerd", acctest.Changes}: {"labels.label": true, "labels": true, "env.A": true, "env": true},
		{"docker_volume", "cleatd", acctest.Drifts}:   {"*": true},
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"dockerd docker_volume", "dockerd docker_volume guess"} {
		if _, err := read(strings.NewReader("=== ATTR  TestA shows " + bad + "\n--- PASS: TestA (0.00s)\n")); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("=== ATTR  TestA shows dockerd docker_volume changed a.b\n--- PASS: TestA (0.00s)\nok  \ta/b\t1s\n")
	f.Fuzz(func(t *testing.T, log string) {
		found, err := read(strings.NewReader(log))
		if err != nil && found != nil {
			t.Errorf("both %v and %v", found, err)
		}
	})
}

// TestMatrix: a hole needs a reason, a reason a hole.
func TestMatrix(t *testing.T) {
	t.Parallel()
	all, err := declarations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var few []declared
	for _, d := range all {
		if d.Name() == "tag" || d.Name() == "plugin" {
			few = append(few, d)
		}
	}
	found := evidence{{"docker_plugin", "podman", acctest.Refuses}: {}}
	for _, c := range checks {
		found[cell{"docker_tag", "dockerd", c}] = map[string]bool{"source_image": true, "target_image": true, "tag_triggers": true, "*": true}
	}
	found[cell{"docker_tag", "dockerd", acctest.Drifts}]["target_image"] = false
	const each = "create empty-plan import-id import-name take-over"
	table, wrong := newMatrix(few, found, []reason{
		{types: "docker_tag", engines: "podman cleatd", checks: each, why: "why not"},
		{types: "docker_tag", engines: "podman cleatd", checks: "changed drift", attributes: "* source_image", why: "why not"},
		{types: "docker_tag", engines: "podman cleatd", checks: "changed", attributes: "target_image tag_triggers", why: "why not"},
		{types: "docker_tag", checks: "drift", attributes: "target_image", why: "seen elsewhere", by: "source_image"},
		{types: "docker_plugin", engines: "dockerd", checks: each, why: "why not"},
		{types: "docker_tag", engines: "dockerd", checks: "create", why: "stale"},
		{types: "docker_none", checks: "create", why: "for nothing"},
	})
	for _, want := range []string{
		"| `docker_tag` | dockerd | yes | yes | yes | 3 of 4 ",
		"| `docker_plugin` | podman | refused: podman 4.3.1 has no plugins | | | | | | |",
		"`docker_tag`, drift, on cleatd, dockerd, podman: seen elsewhere (`target_image`)",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	said := strings.Join(wrong, "\n")
	for _, want := range []string{
		"docker_plugin on cleatd: the declarations refuse it (cleatd has no plugins), no test shows that",
		"docker_plugin on dockerd: no test shows changed alias, and there is no reason",
		"docker_tag on dockerd: a test shows create, and there is a reason why none does: stale",
		"docker_tag on podman: no test shows drift target_image, nor that of source_image",
		"is for nothing",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("not said: %s\n%s", want, said)
		}
	}
	for _, not := range []string{"docker_tag on dockerd: no test", "docker_plugin on podman"} {
		if strings.Contains(said, not) {
			t.Errorf("said: %s\n%s", not, said)
		}
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	rules := contract.Rules{
		"a": {}, "b": {Effect: contract.InPlace, Since: "1.22", Call: contract.CallContainerUpdate}, "c": {ConfigOnly: true}, "d": {Effect: contract.InPlace, Since: "1.17"},
	}
	for path, want := range map[string]string{"a": "replaces", "b.x": "in place (from API 1.22, not on podman 4)", "c": "recorded", "d": "in place"} {
		if got := change(rules, path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

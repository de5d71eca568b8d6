package truth_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// TestRefused: what the engine's version cannot express is refused at plan, with the version it needs.
func TestRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for attributes, needs := range map[string]string{
			"healthcheck {\ntest = [\"CMD\", \"true\"]\nstart_interval = \"1s\"\n}":                                 "1.44",
			"mounts {\ntype = \"volume\"\ntarget = \"/a\"\nsource = \"v\"\nvolume_options {\nsubpath = \"x\"\n}\n}": "1.45",
			"networks_advanced {\nname = \"n\"\nmac_address = \"02:00:00:00:00:01\"\n}":                             "1.44",
			"networks_advanced {\nname = \"n\"\ngw_priority = 1\n}":                                                 "1.48",
		} {
			if b.engine.IsOld() || b.engine.APIMax >= needs { // both are 1.NN
				continue
			}
			b.write(b.one(attributes))
			p := b.open()
			_, diags := p.Plan(b.Context(), planOptions)
			if !diags.HasErrors() || !strings.Contains(diags.Error(), "needs engine API "+needs) {
				t.Errorf("%s: %v", attributes, diags)
			}
		}
	})
}

// refusals are what an engine of 1.18 has not, beyond the attributes of rows that need a later version: values of
// attributes it has, and other types. The text is a block without its address, the rest what the plan says.
var refusals = []struct{ kind, text, says string }{
	{"docker_container", `restart = "unless-stopped"`, "restart: needs engine API 1.21 or newer"},
	{"docker_container", `ipc_mode = "private"`, "ipc_mode: needs engine API 1.32 or newer"},
	{"docker_container", `network_mode = "front"`, "network_mode: needs engine API 1.21 or newer"},
	{"docker_container", "volumes {\nvolume_name = \"v\"\ncontainer_path = \"/v\"\nread_only = true\n}", "volumes[0].volume_name: needs engine API 1.21 or newer"},
	{"docker_volume", "", "needs engine API 1.21 or newer"},
	{"docker_volume", `name = "data"`, "needs engine API 1.21 or newer"},
	{"docker_network", `name = "n"`, "needs engine API 1.21 or newer"},
	{"docker_image", "name = \"i\"\nplatform = \"linux/amd64\"", "platform: needs engine API 1.32 or newer"},
	{"docker_image", "name = \"i\"\nbuild {\ncontext = path.module\nbuild_args = { A = \"1\" }\n}", "build[0].build_args: needs engine API 1.21 or newer"},
	{"docker_image", "name = \"i\"\nbuild {\ncontext = path.module\ntarget = \"t\"\n}", "build[0].target: needs engine API 1.29 or newer"},
	{"docker_commit", "container = \"c\"\nrepository = \"r\"\nchanges = [\"ENV A=1\"]", "changes: needs engine API 1.20 or newer"},
	{"data.docker_network", `name = "bridge"`, "engine API 1.18 has no networks; needs 1.21"},
	{"data.docker_volume", `name = "v"`, "engine API 1.18 has no volumes; needs 1.21"},
	{"data.docker_logs", "name = \"{p}-c\"\nsince = \"1\"", "engine API 1.18 has no since in GET /containers/{id}/logs; needs 1.19"},
}

var refusedAt = regexp.MustCompile(`(data\.)?docker_\w+\.\w+`)

// TestOldRefuses: one plan names everything it declares that the oldest API cannot express, each with the version that
// brought it, and nothing else. It is the other half of TestMatrix, which leaves these rows out there.
func TestOldRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, acctest.HeldCleatd(t, "1.18"))
	want, text := map[string]string{}, ""
	b.write(b.one("")) // whose log is asked for
	b.Cleanup(b.destroy)
	b.apply()
	text = b.one("")
	b.must(os.WriteFile(filepath.Join(b.dir, "Dockerfile"), []byte("FROM busybox:1\n"), 0o600))
	places := b.places()
	for i, r := range rows() {
		needs := b.kind().refused(r)
		if needs == "" {
			continue
		}
		name := fmt.Sprintf("row%03d", i)
		text += fmt.Sprintf("resource \"docker_container\" %q {\nname = %q\nimage = %q\n%s\n%s\n}\n", name, name, acctest.Busybox, r.with, places.Replace(r.b))
		want["docker_container."+name] = "needs engine API " + needs + " or newer, this engine speaks 1.18"
	}
	if len(want) < 40 {
		t.Errorf("only %d rows need more than 1.18", len(want))
	}
	for i, r := range refusals {
		kind, data := strings.CutPrefix(r.kind, "data.")
		name := fmt.Sprintf("more%02d", i)
		head := "resource"
		if data {
			head = "data"
		}
		body := places.Replace(r.text)
		if kind == "docker_container" {
			body = fmt.Sprintf("name = %q\nimage = %q\n%s", name, acctest.Busybox, body)
		}
		text += fmt.Sprintf("%s %q %q {\n%s\n}\n", head, kind, name, body)
		want[r.kind+"."+name] = r.says
	}
	b.write(text)
	_, diags := b.open().Plan(b.Context(), planOptions)
	got := map[string]string{}
	for _, d := range diags {
		address := refusedAt.FindString(d.Summary)
		if address == "" {
			t.Errorf("%s: %s (%v)", d.Summary, d.Detail, d.Subject)
			continue
		}
		got[address] = d.Detail
		if strings.Contains(d.Detail, want[address]) {
			got[address] = want[address]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// TestLacking: what an engine has nothing of is refused as a whole, for every type, in one plan.
func TestLacking(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		lacking := map[string]struct{ text, says string }{
			"docker_buildx_builder": {"", "builder"},
		}
		if b.engine.Name != "dockerd" {
			lacking["docker_plugin"] = struct{ text, says string }{`name = "x:1"`, "has no plugins"}
			lacking["docker_secret"] = struct{ text, says string }{"name = \"x\"\ndata = \"eA==\"", "has no Swarm"}
			lacking["docker_config"] = struct{ text, says string }{"name = \"x\"\ndata = \"eA==\"", "has no Swarm"}
			lacking["docker_service"] = struct{ text, says string }{"name = \"x\"\ntask_spec {\ncontainer_spec {\nimage = \"x:1\"\n}\n}", "has no Swarm"}
		}
		for kind, c := range lacking {
			b.write(fmt.Sprintf("resource %q \"a\" {\n%s\n}\n", kind, c.text))
			_, diags := b.open().Plan(b.Context(), planOptions)
			if !strings.Contains(diags.Error(), c.says) {
				t.Errorf("%s: %v, want %q", kind, diags, c.says)
				continue
			}
			b.shows.Add(kind, acctest.Refuses)
		}
	})
}

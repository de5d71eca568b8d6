package composefile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/composefile"
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, yaml string) (marks map[string]string, refused, ignored []string) {
	t.Helper()
	dir := write(t, map[string]string{"compose.yaml": yaml, "conf": "x"})
	p, err := composefile.Load(t.Context(), composefile.Source{Paths: []string{filepath.Join(dir, "compose.yaml")}, Name: "p"})
	if err != nil {
		t.Fatal(err)
	}
	marks = map[string]string{}
	for name, s := range p.Services {
		mark, err := composefile.MarkOf(p, s)
		if err != nil {
			t.Fatal(err)
		}
		marks[name] = mark.String()
	}
	for _, f := range composefile.Refused(p) {
		refused = append(refused, f.Key)
	}
	for _, f := range composefile.Ignored(p) {
		ignored = append(ignored, f.Key)
	}
	return marks, refused, ignored
}

// TestMark: what makes another container has another mark; what does not has the same.
func TestMark(t *testing.T) {
	t.Parallel()
	base := "services:\n  web:\n    image: a\n    environment:\n      A: \"1\"\n"
	before, _, _ := load(t, base)
	for name, test := range map[string]struct {
		yaml string
		same bool
	}{
		"env":        {strings.Replace(base, `"1"`, `"2"`, 1), false},
		"image":      {strings.Replace(base, "image: a", "image: b", 1), false},
		"scale":      {base + "    scale: 3\n", true},
		"replicas":   {base + "    deploy: {replicas: 2}\n", false}, // deploy itself is part of it, as with docker compose
		"policy":     {base + "    pull_policy: always\n", true},
		"build":      {base + "    build: .\n", true},
		"dependency": {base + "    depends_on: [db]\n  db: {image: b}\n", true},
		"content":    {base + "    configs: [c]\nconfigs: {c: {content: hello}}\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, _, _ := load(t, test.yaml)
			if got := after["web"] == before["web"]; got != test.same {
				t.Errorf("the mark is the same: %v, want %v", got, test.same)
			}
		})
	}
	one, _, _ := load(t, base+"    configs: [c]\nconfigs: {c: {content: hello}}\n")
	other, _, _ := load(t, base+"    configs: [c]\nconfigs: {c: {content: bye}}\n")
	if one["web"] == other["web"] {
		t.Error("another content of a config has the same mark")
	}
}

// TestHash: the hashes are those `docker-compose config --hash='*'` of Compose 5.6.0 prints for the same file.
func TestHash(t *testing.T) {
	t.Parallel()
	marks, _, _ := load(t, `
name: handy
services:
  db:
    image: busybox:1
    command: [sleep, "3600"]
    volumes: [data:/data]
    healthcheck: {test: [CMD, "true"], interval: 1s}
  init:
    image: busybox:1
    command: ["sh", "-c", "cat /c.txt; exit 0"]
    configs: [{source: c, target: /c.txt}]
    depends_on: {db: {condition: service_started}}
  web:
    image: busybox:1
    command: [sleep, "3600"]
    scale: 2
    depends_on:
      init: {condition: service_completed_successfully}
      db: {condition: service_healthy}
    secrets: [s]
volumes: {data: {}}
configs: {c: {content: hello}}
secrets: {s: {environment: PATH}}
`)
	want := map[string]string{
		"db":   "1b687d6757fcde9a6ac69eff80f2aa326ae910d23b16641f3f1f64c5163685d1",
		"init": "54cb1c1f6b95bf168f5d17af260b376199bd6f01961f640d556b6cef3e788d85",
		"web":  "1d87ec74220078e46f22211b73b0f020e845aa46da9a0b9bab147fee75bdd84d",
	}
	for name, mark := range marks {
		config, content, _ := strings.Cut(mark, "+")
		if config != want[name] {
			t.Errorf("%s: %s, want %s", name, config, want[name])
		}
		if (content != "") != (name != "db") {
			t.Errorf("%s: hash of contents %q", name, content)
		}
	}
}

func TestSupported(t *testing.T) {
	t.Parallel()
	_, refused, ignored := load(t, `services:
  web:
    image: a
    develop: {watch: [{path: ., action: rebuild}]}
    post_start: [{command: [a]}]
    deploy:
      mode: global
      placement: {constraints: [a==b]}
    build: {context: ., dockerfile_inline: FROM scratch, ssh: [default], platforms: [linux/amd64, linux/arm64]}
    configs: [{source: f, mode: 0400}, e]
    credential_spec: {file: x}
configs:
  f: {file: ./conf}
  e: {external: true}
`)
	want := []string{
		"services.web.develop", "services.web.credential_spec", "services.web.post_start", "services.web.deploy.mode",
		"services.web.build.dockerfile_inline", "services.web.build.ssh", "services.web.build.platforms", "configs.e.external",
	}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"services.web.deploy.placement", "services.web.configs[0]"}, ignored); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
}

// TestLoadErrors: the loader's own words come through.
func TestLoadErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ yaml, want string }{
		"yaml":    {"services: [", "yaml"},
		"unknown": {"services:\n  a: {image: a, depends_on: [b]}\n", `"b"`},
		"cycle":   {"services:\n  a: {image: a, depends_on: [b]}\n  b: {image: a, depends_on: [a]}\n", "cycle"},
		"key":     {"services:\n  a: {imag: a}\n", "imag"},
		"none":    {"services:\n  a: {image: a, profiles: [x]}\n", "no service selected"},
		"network": {"services:\n  a: {image: a, networks: [x]}\n", `undefined network x`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{"compose.yaml": test.yaml})
			_, err := composefile.Load(t.Context(), composefile.Source{Paths: []string{filepath.Join(dir, "compose.yaml")}})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
	dir := write(t, map[string]string{"compose.yaml": "services:\n  a: {image: a, read_only: true, configs: [c]}\nconfigs: {c: {content: x}}\n"})
	p, err := composefile.Load(t.Context(), composefile.Source{Paths: []string{filepath.Join(dir, "compose.yaml")}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := composefile.Files(p, p.Services["a"]); err == nil || !strings.Contains(err.Error(), "services.a.configs[0]") {
		t.Errorf("content for a read-only service: %v", err)
	}
	if _, err := composefile.Load(t.Context(), composefile.Source{Paths: []string{"no/such.yaml"}}); err == nil {
		t.Error("a file that is not there is loaded")
	}
}

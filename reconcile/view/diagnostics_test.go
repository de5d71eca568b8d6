package view

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
)

const source = `resource "docker_container" "web" {
	image = "größe:1" # a tab before, a letter of two bytes
  ports {
    external = 70000
  }
  labels {
    label = "a"
  }
}
`

// problems are diagnostics about source, out of order and one of them twice.
func problems(t *testing.T) (hcl.Diagnostics, map[string]*hcl.File) {
	t.Helper()
	parser := hclparse.NewParser()
	file, diags := parser.ParseHCL([]byte(source), "main.tf")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	content, _, diags := file.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "resource", LabelNames: []string{"type", "name"}}}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	body := content.Blocks[0].Body
	attributes, _, _ := body.PartialContent(&hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "image"}},
		Blocks:     []hcl.BlockHeaderSchema{{Type: "ports"}, {Type: "labels"}},
	})
	image := attributes.Attributes["image"].Range
	ports, _ := attributes.Blocks[0].Body.JustAttributes()
	external := ports["external"].Expr.Range()
	block := attributes.Blocks[1].DefRange
	block.End.Line, block.End.Byte = block.End.Line+2, block.End.Byte+20 // over several lines
	outside := hcl.Range{Filename: "other.tf", Start: hcl.Pos{Line: 9, Byte: 99}, End: hcl.Pos{Line: 9, Byte: 100}}
	port := &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Invalid port", Subject: &external,
		Detail: "ports[0].external: found 70000, want a number from 1 to 65535. Ports are those of the host; leave the attribute out and the engine chooses a free one for you.\n\n  ports {\n    internal = 80\n  }",
	}
	return hcl.Diagnostics{
		{Severity: hcl.DiagWarning, Summary: "Deprecated", Detail: "Use image_id.", Subject: &image},
		{Severity: hcl.DiagError, Summary: "Engine not reachable", Detail: "unix:///run/docker.sock:\x1b[31m connection refused"},
		port, port,
		{Severity: hcl.DiagWarning, Summary: "Deprecated", Subject: &block},
		{Severity: hcl.DiagError, Summary: "Invalid image", Subject: &image},
		{Severity: hcl.DiagError, Summary: "In a file nobody has", Subject: &outside},
	}, parser.Files()
}

func TestDiagnostics(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ json, compact, color bool }{
		"diagnostics":         {},
		"diagnostics_color":   {color: true},
		"diagnostics_compact": {compact: true},
		"diagnostics_json":    {json: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags, files := problems(t)
			s := newScreen()
			s.Color = test.color
			s.Size = func() (int, int) { return 72, 20 }
			o := options(s)
			o.JSON, o.CompactWarnings = test.json, test.compact
			NewShow(o).Diagnostics(diags, files)
			if test.json {
				golden(t, name, s.out.String())
				return
			}
			golden(t, name, s.err.String())
			if s.out.Len() > 0 {
				t.Errorf("on stdout: %s", &s.out)
			}
		})
	}
}

func TestValidateResult(t *testing.T) {
	t.Parallel()
	diags, files := problems(t)
	s := newScreen()
	o := options(s)
	o.JSON = true
	NewValidate(o).Result(diags[:3], files)
	golden(t, "validate_json", s.out.String())

	s = newScreen()
	NewValidate(options(s)).Result(nil, files)
	if diff := cmp.Diff("Success! The configuration is valid.\n", s.out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain": "plain", "a\x1b[31;1mred\x1b[0m": "ared", "tab\there": "tab here", "bell\a\r\n": "bell",
		"\x1b[": "", "\x1b[2": "", "\u202eright to left": "right to left", "größe": "größe",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q): got %q, want %q", in, got, want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("docker_container.web  pulling", 10)
	f.Add("größe 漢字\u0301", 3)
	f.Fuzz(func(t *testing.T, s string, to int) {
		if got := cut(clean(s), to); to >= 0 && columns(got) > to {
			t.Errorf("cut(%q, %d): %q has %d columns", s, to, got, columns(got))
		}
	})
}

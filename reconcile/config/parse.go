package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
)

// rootSchema is what may stand at the top of a file. Blocks that are refused are in it, so that the message says why.
func rootSchema() *hcl.BodySchema {
	return &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "terraform"},
		{Type: "provider", LabelNames: []string{"name"}},
		{Type: "variable", LabelNames: []string{"name"}},
		{Type: "locals"},
		{Type: "output", LabelNames: []string{"name"}},
		{Type: "module", LabelNames: []string{"name"}},
		{Type: "resource", LabelNames: []string{"type", "name"}},
		{Type: "data", LabelNames: []string{"type", "name"}},
		{Type: "ephemeral", LabelNames: []string{"type", "name"}},
		{Type: "moved"},
		{Type: "removed"},
		{Type: "import"},
		{Type: "check", LabelNames: []string{"name"}},
	}}
}

// parseDir reads the files of one module directory and returns their blocks, overrides merged in. empty says that it may
// have none.
func parseDir(parser *hclparse.Parser, dir string, empty bool) ([]*hcl.Block, hcl.Diagnostics) {
	primary, override, diags := moduleFiles(dir)
	if len(primary)+len(override) == 0 && !empty && !diags.HasErrors() {
		diags = diags.Append(&hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "No configuration files",
			Detail: fmt.Sprintf("The directory %q has no .tf or .tf.json files. Give the directory of the configuration with -chdir.", dir),
		})
	}
	if diags.HasErrors() {
		return nil, diags
	}
	blocks, more := parseFiles(parser, primary)
	diags = append(diags, more...)
	over, more := parseFiles(parser, override)
	diags = append(diags, more...)
	blocks, more = mergeOverrides(blocks, over)
	return blocks, append(diags, more...)
}

// moduleFiles lists the configuration files of a directory by name: primary ones and overrides.
func moduleFiles(dir string) (primary, override []string, diags hcl.Diagnostics) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, diags.Append(&hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Module directory cannot be read",
			Detail: fmt.Sprintf("%s: %v.", dir, reason(err)),
		})
	}
	for _, entry := range entries {
		name := entry.Name()
		base, ok := strings.CutSuffix(name, ".tf")
		if !ok {
			base, ok = strings.CutSuffix(name, ".tf.json")
		}
		if !ok || entry.IsDir() || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") {
			continue
		}
		if base == "override" || strings.HasSuffix(base, "_override") {
			override = append(override, filepath.Join(dir, name))
		} else {
			primary = append(primary, filepath.Join(dir, name))
		}
	}
	return primary, override, diags
}

func parseFiles(parser *hclparse.Parser, names []string) (blocks []*hcl.Block, diags hcl.Diagnostics) {
	for _, name := range names {
		parse := parser.ParseHCLFile
		if strings.HasSuffix(name, ".json") {
			parse = parser.ParseJSONFile
		}
		file, more := parse(name)
		diags = append(diags, more...)
		if file == nil || file.Body == nil {
			continue
		}
		content, more := file.Body.Content(rootSchema())
		diags = append(diags, more...)
		blocks = append(blocks, content.Blocks...)
	}
	return blocks, diags
}

// reason is an error of the file system without the path, which the message around it has.
func reason(err error) error {
	if path, ok := err.(*os.PathError); ok { //nolint:errorlint // os returns it bare
		return path.Err
	}
	return err
}

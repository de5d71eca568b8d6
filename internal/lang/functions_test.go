package lang_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cleat-dev/cleat/internal/lang"
)

// terraformFunctions are the functions of Terraform 1.11 as `terraform metadata functions` lists them, without core::.
const terraformFunctions = `abs abspath alltrue anytrue base64decode base64encode base64gzip base64sha256 base64sha512
basename bcrypt can ceil chomp chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce coalescelist compact concat
contains csvdecode dirname distinct element endswith ephemeralasnull file filebase64 filebase64sha256 filebase64sha512
fileexists filemd5 fileset filesha1 filesha256 filesha512 flatten floor format formatdate formatlist indent index
issensitive join jsondecode jsonencode keys length log lookup lower matchkeys max md5 merge min nonsensitive one parseint
pathexpand plantimestamp pow range regex regexall replace reverse rsadecrypt sensitive setintersection setproduct
setsubtract setunion sha1 sha256 sha512 signum slice sort split startswith strcontains strrev substr sum templatefile
templatestring textdecodebase64 textencodebase64 timeadd timecmp timestamp title tobool tolist tomap tonumber toset
tostring transpose trim trimprefix trimspace trimsuffix try upper urlencode uuid uuidv5 values yamldecode yamlencode
zipmap`

func TestEveryFunctionIsThere(t *testing.T) {
	t.Parallel()
	all := lang.Functions(lang.Scope{})
	for _, name := range strings.Fields(terraformFunctions) {
		for _, name := range []string{name, "core::" + name} {
			if _, ok := all[name]; !ok {
				t.Errorf("no function %q", name)
			}
			delete(all, name)
		}
	}
	for name := range all {
		t.Errorf("function %q is not one of Terraform's", name)
	}
}

// files is a directory the functions of files are tried in.
func files(t *testing.T) string {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.txt": "hello\n", "sub/b.txt": "b", "sub/deep/c.json": `{"x": [1, null]}`, "sub/.hidden": "h",
		"t.tpl":     "%{ for n in names ~}\n- ${upper(n)}\n%{ endfor ~}\n",
		"outer.tpl": `<${templatefile("t.tpl", {names = [who]})}>`,
		"bin":       "\xff\xfe",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func evaluate(text string, functions *hcl.EvalContext) (string, hcl.Diagnostics) {
	expr, diags := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
	if diags.HasErrors() {
		return "", diags
	}
	v, diags := expr.Value(functions)
	if diags.HasErrors() {
		return "", diags
	}
	v, _ = v.UnmarkDeep()
	encoded, err := ctyjson.Marshal(v, v.Type())
	if err != nil {
		return "", hcl.Diagnostics{{Severity: hcl.DiagError, Summary: err.Error()}}
	}
	return string(encoded), nil
}

// TestSameAsTerraform evaluates every expression here and in a real `terraform console`. jsonencode makes the results
// comparable; a failing expression must fail there too.
func TestSameAsTerraform(t *testing.T) {
	t.Parallel()
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("terraform is not installed: results are not compared")
	}
	dir := files(t)
	ctx := &hcl.EvalContext{Functions: lang.Functions(lang.Scope{BaseDir: dir})}
	var works, tried []string
	for _, text := range expressions() {
		text = strings.TrimSuffix(text, "!!")
		tried = append(tried, "try(jsonencode("+text+"), false)")
		works = append(works, text)
	}
	cmd := exec.CommandContext(t.Context(), terraform, "console")
	cmd.Dir, cmd.Stdin = dir, strings.NewReader("jsonencode(["+strings.Join(tried, ", ")+"])\n")
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+filepath.Join(dir, "none"), "TF_DATA_DIR="+t.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("terraform console: %v\n%s", err, stderr.String())
	}
	text, diags := evaluate(strings.TrimSpace(string(out)), nil) // the console prints a quoted string of HCL
	if diags.HasErrors() {
		t.Fatalf("%v\n%s\n%s", diags, out, stderr.String())
	}
	var list string
	var results []any
	if err := errors.Join(json.Unmarshal([]byte(text), &list), json.Unmarshal([]byte(list), &results)); err != nil || len(results) != len(works) {
		t.Fatalf("%d results for %d expressions: %v\n%s", len(results), len(works), err, list)
	}
	for i, text := range expressions() {
		_, fails := strings.CutSuffix(text, "!!")
		got, diags := evaluate(works[i], ctx)
		if fails {
			if !diags.HasErrors() {
				t.Errorf("%s: found %s, want an error", works[i], got)
			}
			if results[i] != false {
				t.Errorf("%s: Terraform takes it: %v", works[i], results[i])
			}
			continue
		}
		if diags.HasErrors() {
			t.Errorf("%s: %v", works[i], diags)
			continue
		}
		if diff := cmp.Diff(results[i], any(got)); diff != "" {
			t.Errorf("%s (-terraform +cleat):\n%s", works[i], diff)
		}
	}
}

// TestExpressionsCoverFunctions keeps the comparison complete: functions whose result is not the same twice are left
// to other tests.
func TestExpressionsCoverFunctions(t *testing.T) {
	t.Parallel()
	all := strings.Join(expressions(), "\n")
	elsewhere := []string{"abspath", "bcrypt", "ephemeralasnull", "plantimestamp", "templatestring", "timestamp", "uuid"}
	for _, name := range strings.Fields(terraformFunctions) {
		if !strings.Contains(all, name+"(") && !slices.Contains(elsewhere, name) {
			t.Errorf("function %q is not compared with Terraform", name)
		}
	}
}

func TestPureFunctionsAreUnknown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, text := range []string{"timestamp()", "uuid()", `bcrypt("x")`} {
		for _, pure := range []bool{true, false} {
			expr, _ := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
			v, diags := expr.Value(&hcl.EvalContext{Functions: lang.Functions(lang.Scope{Pure: pure})})
			if diags.HasErrors() || v.IsKnown() == pure || v.Type() != cty.String {
				t.Errorf("%s pure %v: %#v %v", text, pure, v, diags)
			}
		}
	}
	got, diags := evaluate("plantimestamp()", &hcl.EvalContext{Functions: lang.Functions(lang.Scope{Pure: true, PlanTime: at})})
	if got != `"2026-01-02T03:04:05Z"` {
		t.Errorf("plantimestamp %s %v", got, diags)
	}
}

func TestEphemeralAsNull(t *testing.T) {
	t.Parallel()
	ctx := &hcl.EvalContext{Functions: lang.Functions(lang.Scope{}), Variables: map[string]cty.Value{
		"token": cty.StringVal("t").Mark(lang.Ephemeral), "both": cty.StringVal("t").Mark(lang.Ephemeral).Mark(lang.Sensitive),
		"later": cty.UnknownVal(cty.String).Mark(lang.Ephemeral), "list": cty.ListVal([]cty.Value{cty.StringVal("a")}).Mark(lang.Ephemeral),
	}}
	for text, want := range map[string]cty.Value{
		`ephemeralasnull("kept")`:              cty.StringVal("kept"),
		"ephemeralasnull(token)":               cty.NullVal(cty.String),
		"ephemeralasnull(later)":               cty.NullVal(cty.String),
		"ephemeralasnull(list)":                cty.NullVal(cty.List(cty.String)),
		"ephemeralasnull(both)":                cty.NullVal(cty.String).Mark(lang.Sensitive),
		`ephemeralasnull("a ${token}")`:        cty.NullVal(cty.String),
		`ephemeralasnull({a = token, b = 1})`:  cty.ObjectVal(map[string]cty.Value{"a": cty.NullVal(cty.String), "b": cty.NumberIntVal(1)}),
		`ephemeralasnull([upper(token), "b"])`: cty.TupleVal([]cty.Value{cty.NullVal(cty.String), cty.StringVal("b")}),
	} {
		expr, diags := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if v, diags := expr.Value(ctx); diags.HasErrors() || !v.RawEquals(want) {
			t.Errorf("%s: %#v %v, want %#v", text, v, diags, want)
		}
	}
}

func TestSensitiveFlowsThroughFunctions(t *testing.T) {
	t.Parallel()
	dir := files(t)
	ctx := &hcl.EvalContext{
		Functions: lang.Functions(lang.Scope{BaseDir: dir}),
		Variables: map[string]cty.Value{
			"secret": cty.StringVal("s").Mark(lang.Sensitive), "text": cty.StringVal("${a}!"), "path": cty.StringVal("a.txt").Mark(lang.Sensitive),
			"hidden": cty.StringVal("${a}?").Mark(lang.Sensitive), "unknown": cty.UnknownVal(cty.String), "broken": cty.StringVal("${").Mark(lang.Sensitive),
		},
	}
	tests := map[string]bool{ // expression -> sensitive
		"upper(secret)": true, `format("%s", secret)`: true, "nonsensitive(secret)": false, `sensitive("x")`: true,
		`templatefile("outer.tpl", {who = secret})`: true, "templatestring(text, {a = secret})": true, `templatestring(text, {a = "x"})`: false,
		`templatestring(hidden, {a = "x"})`: true, "file(path)": true, "length([secret])": false, `lookup({a = secret}, "a", "")`: true,
		`lookup({secret = "x"}, secret, "y")`: true, `{a = "x"}[nonsensitive(secret) == "s" ? "a" : "b"]`: false, "ephemeralasnull(secret)": true,
		"tostring(secret)": true, "issensitive(secret)": false, "anytrue([secret == \"s\"])": true,
	}
	for text, want := range tests {
		expr, diags := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		v, diags := expr.Value(ctx)
		if diags.HasErrors() {
			t.Errorf("%s: %v", text, diags)
			continue
		}
		if got := lang.ContainsSensitive(v); got != want {
			t.Errorf("%s: sensitive %v, value %#v", text, got, v)
		}
	}
	for _, text := range []string{"templatestring(unknown, {})", `templatefile("t.tpl", {names = [unknown]})`, "issensitive(unknown)", "length(unknown)"} {
		expr, _ := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
		if v, diags := expr.Value(ctx); diags.HasErrors() || v.IsKnown() {
			t.Errorf("%s: %#v %v", text, v, diags)
		}
	}
	if _, diags := evaluate("templatestring(broken, {})", ctx); !diags.HasErrors() || strings.Contains(diags.Error(), "${") {
		t.Errorf("broken template: %v", diags)
	}
}

// Terraform 1.11 has no templates within templates, OpenTofu has.
func TestTemplateWithinTemplate(t *testing.T) {
	t.Parallel()
	got, diags := evaluate(`templatefile("outer.tpl", {who = "z"})`, &hcl.EvalContext{Functions: lang.Functions(lang.Scope{BaseDir: files(t)})})
	if want := `"\u003c- Z\n\u003e"`; got != want {
		t.Errorf("found %s, want %s: %v", got, want, diags)
	}
}

func TestTemplateRecursionEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "self.tpl"), []byte(`${templatefile("self.tpl", {})}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, diags := evaluate(`templatefile("self.tpl", {})`, &hcl.EvalContext{Functions: lang.Functions(lang.Scope{BaseDir: dir})})
	if !diags.HasErrors() || !strings.Contains(diags.Error(), "within each other") {
		t.Errorf("no end: %.200v", diags)
	}
}

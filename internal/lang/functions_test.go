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

// expressions are evaluated here and by Terraform; every deterministic function is among them. Those that must fail
// end in "!!".
func expressions() []string {
	return strings.Split(strings.TrimSpace(`
abs(-12.5)
alltrue(["true", true])
alltrue([true, null])
alltrue([])
anytrue([])
anytrue([false, true])
base64decode("aGVsbG8=")
base64decode("/w==")!!
base64decode("***")!!
base64encode("héllo")
base64gzip("hello hello hello")
base64sha256("x")
base64sha512("x")
basename("a/b/c.txt")
can(tonumber("x"))
can(1)
ceil(1.1)
chomp("a\r\n\n")
chunklist([1,2,3,4,5], 2)
cidrhost("10.12.112.0/20", 268)
cidrhost("fd00:fd12:3456:7890:00a2::/72", 34)
cidrhost("10.0.0.0/8", -1)
cidrnetmask("172.16.0.0/12")
cidrnetmask("fd00::/72")!!
cidrsubnet("172.16.0.0/12", 4, 2)
cidrsubnet("fd00:fd12:3456:7890::/56", 16, 162)
cidrsubnets("10.1.0.0/16", 4, 4, 8, 4)
coalesce("", "b")
coalesce(null, 1, "x")
coalesce("", null)!!
coalescelist([], ["c"])
compact(["a", "", "b", null])
concat(["a"], [1], [])
contains(["a", "b"], "b")
contains([1], "x")
csvdecode("a,b\n1,2\n3,\"x,y\"\n")
dirname("a/b/c.txt")
distinct(["a", "b", "a"])
element(["a", "b", "c"], 4)
element(tolist(["a", "b", "c"]), -1)
element([], 0)!!
endswith("hello", "lo")
file("a.txt")
file("missing.txt")!!
file("bin")!!
filebase64("bin")
filebase64sha256("a.txt")
filebase64sha512("a.txt")
fileexists("a.txt")
fileexists("nope")
fileexists("sub")!!
filemd5("a.txt")
fileset(".", "**/*.txt")
fileset("sub", "*")
fileset("sub", "**")
fileset(".", "nothing*")
fileset(".", "{a,b}.txt")
filesha1("a.txt")
filesha256("bin")
filesha512("a.txt")
flatten([["a", ["b"]], [], ["c"]])
floor(-1.5)
format("%s-%03d-%.2f-%q-%v-%t-%#v", "a", 7, 1.234, "q", [1], true, {a = 1})
format("%d", "x")!!
formatdate("DD MMM YYYY hh:mm ZZZ EEEE", "2018-01-02T23:12:01Z")
formatlist("%s=%s", ["a", "b"], "c")
indent(2, "a\nb\n")
index(["a", "b"], "b")
index(["a"], "z")!!
index([], "z")!!
issensitive(sensitive(1))
issensitive("x")
join("-", ["a", "b"], ["c"])
jsondecode("{\"a\": [1, true, null, \"x\"]}")
jsondecode("{")!!
jsonencode({a = [1, null, "<&>"], b = 1.5, c = true})
keys({b = 1, a = 2})
length("héé")
length([1, 2])
length({a = 1})
length(toset(["a", "a"]))
length(5)!!
log(16, 2)
lookup({a = "x"}, "a", "d")
lookup({a = "x"}, "b", "d")
lookup({a = "x", c = 1}, "b", "d")
lookup(tomap({a = 1}), "z", 5)
lookup({a = "x"}, "b")!!
lookup([1], "b", 1)!!
lower("HÉ")
matchkeys(["a", "b", "c"], ["x", "y", "x"], ["x"])
matchkeys(["a"], ["x", "y"], ["x"])!!
max(1, 5, 3)
max([1, 2]...)
md5("x")
merge({a = 1}, {b = 2}, {a = "z"})
merge({a = 1}, null)
min(4, 2)
nonsensitive(sensitive("a"))
nonsensitive("a")
one([])
one(["a"])
one(toset(["a"]))
one(["a", "b"])!!
parseint("FF", 16)
parseint("zz", 10)!!
pathexpand("/x")
pow(2, 10)
range(3)
range(10, 0, -3)
range(1, 2, 0.25)
regex("[a-z]+", "123abc")
regex("(?P<n>\\d+)-(?P<m>\\w+)", "12-ab")
regex("x", "abc")!!
regexall("[a-z]", "1a2b")
replace("1 + 2 + 3", "+", "-")
replace("hello", "/l+/", "L")
replace("hello world", "/(\\w+) (\\w+)/", "$2 $1")
replace("a", "/(/", "x")!!
reverse([1, 2, 3])
rsadecrypt("x", "y")!!
setintersection(["a", "b"], ["b", "c"])
setproduct(["a", "b"], [1, 2])
setsubtract(["a", "b"], ["b"])
setunion(["a"], ["b"])
sha1("x")
sha256("x")
sha512("x")
signum(-3)
slice(["a", "b", "c"], 1, 3)
sort(["b", "a", "C"])
split(",", "a,b,,c")
startswith("hello", "he")
strcontains("hello", "ell")
strrev("héllo")
substr("hello", 1, 3)
substr("hello", -3, -1)
sum([1, 2.5, "3"])
sum([])!!
sum(["x"])!!
sum({a = 1})!!
templatefile("t.tpl", {names = ["x", "y"]})
templatefile("t.tpl", {})!!
templatefile("missing.tpl", {})!!
textdecodebase64("aABpAA==", "UTF-16LE")
textencodebase64("hi", "UTF-16LE")
textencodebase64("hi", "no-such")!!
timeadd("2017-11-22T00:00:00Z", "10m")
timecmp("2017-11-22T01:00:00Z", "2017-11-22T00:00:00-01:00")
timecmp("2017-11-22T00:00:00Z", "2017-11-22T01:00:00Z")
timecmp("x", "2017-11-22T01:00:00Z")!!
title("hello world")
tobool("true")
tobool("yes")!!
tolist(toset(["b", "a"]))
tolist(["a", 1])
tomap({a = 1, b = "x"})
tonumber("12.5")
tonumber("x")!!
toset(["b", "a", "b"])
tostring(1.50)
tostring(true)
tostring([])!!
tostring(null)
transpose({a = ["1", "2"], b = ["2"]})
trim("?!hello?!", "!?")
trimprefix("hello", "he")
trimspace(" \n x\t")
trimsuffix("hello", "lo")
try(tonumber("x"), 5)
try(tonumber("x"))!!
upper("hé")
urlencode("a b&c=ü/")
uuidv5("dns", "www.example.com")
values({b = 1, a = 2})
yamldecode("a: 1\nb: [true, null, x]\n")
yamldecode("{a: *x}")!!
yamlencode({a = [1, "x", null], b = {c = true}})
zipmap(["a", "b"], [1, 2])
core::upper("x")
templatestring("x", {})!!
`), "\n")
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

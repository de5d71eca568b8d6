package provider

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/internal/functions"
)

// Terraform learns of every function, with its texts.
func TestFunctionsAreServed(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	resp, err := s.server.GetFunctions(t.Context(), &tfprotov6.GetFunctionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	none(t, resp.Diagnostics)
	if len(resp.Functions) != len(functions.All()) {
		t.Errorf("got %d functions, want %d", len(resp.Functions), len(functions.All()))
	}
	for _, f := range functions.All() {
		served := resp.Functions[f.Name]
		if served == nil || served.Summary == "" || served.Description == "" || served.Return.Type == nil {
			t.Errorf("%s: served as %+v", f.Name, served)
			continue
		}
		for _, p := range served.Parameters {
			if p.Name == "" || p.Description == "" || p.Type == nil {
				t.Errorf("%s: parameter %+v", f.Name, p)
			}
		}
	}
}

// A call gets its arguments, those of no fixed number too, and an error names the one at fault.
func TestCallFunction(t *testing.T) {
	t.Parallel()
	s := newSession(t, newTestProvider(t, newShop()))
	null, absent := tftypes.NewValue(tftypes.String, nil), tftypes.Value{} // absent is OpenTofu's null
	texts := func(values ...string) tftypes.Value {
		var all []tftypes.Value
		for _, v := range values {
			all = append(all, str(v))
		}
		return tftypes.NewValue(tftypes.List{ElementType: tftypes.String}, all)
	}
	for _, c := range []struct {
		name      string
		arguments []tftypes.Value
		want      tftypes.Value
		fails     string
		argument  int64
	}{
		{name: "build_image_ref", arguments: []tftypes.Value{null, str("app"), str("v1"), null}, want: str("app:v1")},
		{name: "build_image_ref", arguments: []tftypes.Value{absent, str("app"), str("v1"), absent}, want: str("app:v1")},
		{name: "parse_size", arguments: []tftypes.Value{str("1k")}, want: tftypes.NewValue(tftypes.Number, 1024)},
		{name: "env_map", arguments: []tftypes.Value{texts("A=1")},
			want: tftypes.NewValue(tftypes.Map{ElementType: tftypes.String}, map[string]tftypes.Value{"A": str("1")})},
		{name: "build_image_ref", arguments: []tftypes.Value{null, str("app"), str("-"), null}, fails: `found the tag "-"`, argument: 2},
		{name: "context_hash", arguments: []tftypes.Value{str("."), str("none")}, fails: "there is no file", argument: 1},
		{name: "context_hash", arguments: []tftypes.Value{str("."), str("a"), str("b")}, fails: "found 2 files", argument: 2},
	} {
		var arguments []*tfprotov6.DynamicValue
		for _, a := range c.arguments {
			if a.Type() == nil {
				arguments = append(arguments, &tfprotov6.DynamicValue{})
				continue
			}
			arguments = append(arguments, dynamic(t, a))
		}
		resp, err := s.server.CallFunction(t.Context(), &tfprotov6.CallFunctionRequest{Name: c.name, Arguments: arguments})
		if err != nil {
			t.Fatal(err)
		}
		if c.fails != "" {
			if resp.Error == nil || !strings.Contains(resp.Error.Text, c.fails) || resp.Error.FunctionArgument == nil || *resp.Error.FunctionArgument != c.argument {
				t.Errorf("%s: got %+v, want %q of argument %d", c.name, resp.Error, c.fails, c.argument)
			}
			continue
		}
		if resp.Error != nil {
			t.Errorf("%s: %+v", c.name, resp.Error)
			continue
		}
		got, err := resp.Result.Unmarshal(c.want.Type())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want.String(), got.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

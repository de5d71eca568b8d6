package compose

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	tftypes "github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/composefile"
)

// Model is a docker_compose.
type Model struct {
	ID               tftypes.String `tfsdk:"id"`
	ConfigPaths      tftypes.List   `tfsdk:"config_paths"`
	ProjectDirectory tftypes.String `tfsdk:"project_directory"`
	ProjectName      tftypes.String `tfsdk:"project_name"`
	Profiles         tftypes.List   `tfsdk:"profiles"`
	EnvFiles         tftypes.List   `tfsdk:"env_files"`
	RemoveOrphans    tftypes.Bool   `tfsdk:"remove_orphans"`
	Wait             tftypes.Bool   `tfsdk:"wait"`
	WaitTimeout      tftypes.String `tfsdk:"wait_timeout"`
	Services         tftypes.Map    `tfsdk:"services"`
	Networks         tftypes.Map    `tfsdk:"networks"`
}

// known reports whether everything the files are found by is known.
func (m Model) known() bool {
	if m.ProjectDirectory.IsUnknown() {
		return false
	}
	for _, l := range []tftypes.List{m.ConfigPaths, m.Profiles, m.EnvFiles} {
		if l.IsUnknown() || slices.ContainsFunc(l.Elements(), attr.Value.IsUnknown) {
			return false
		}
	}
	return true
}

// load reads the files.
func (m Model) load(ctx context.Context) (*types.Project, error) {
	return composefile.Load(ctx, m.source())
}

// source is what the project is read from. A name that is not known is one the files give.
func (m Model) source() composefile.Source {
	return composefile.Source{
		Paths: words(m.ConfigPaths), Directory: m.ProjectDirectory.ValueString(), Name: m.ProjectName.ValueString(),
		Profiles: words(m.Profiles), EnvFiles: words(m.EnvFiles),
	}
}

// identify sets what follows from the project's name.
func (m *Model) identify(name string) {
	m.ID, m.ProjectName = tftypes.StringValue(name), tftypes.StringValue(name)
}

func words(l tftypes.List) []string {
	var all []string
	for _, v := range l.Elements() {
		if s, ok := v.(tftypes.String); ok {
			all = append(all, s.ValueString())
		}
	}
	return all
}

func list(all []string) tftypes.List {
	if len(all) == 0 {
		return tftypes.ListNull(tftypes.StringType)
	}
	values := make([]attr.Value, len(all))
	for i, s := range all {
		values[i] = tftypes.StringValue(s)
	}
	return tftypes.ListValueMust(tftypes.StringType, values)
}

// texts returns a map of strings; nil when it is not known.
func texts(v attr.Value) map[string]string {
	m, ok := v.(tftypes.Map)
	if !ok || m.IsUnknown() {
		return nil
	}
	all := make(map[string]string, len(m.Elements()))
	for name, value := range m.Elements() {
		if s, ok := value.(tftypes.String); ok {
			all[name] = s.ValueString()
		}
	}
	return all
}

func mapping(all map[string]string) tftypes.Map {
	values := make(map[string]attr.Value, len(all))
	for name, s := range all {
		values[name] = tftypes.StringValue(s)
	}
	return tftypes.MapValueMust(tftypes.StringType, values)
}

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// sameFiles reports whether two lists name the same files, wherever they start.
func sameFiles(a, b attr.Value) bool {
	one, _ := a.(tftypes.List)
	other, _ := b.(tftypes.List)
	return slices.Equal(absolute(words(one)), absolute(words(other)))
}

// sameDirectory is the same for one path.
func sameDirectory(a, b attr.Value) bool {
	one, _ := a.(tftypes.String)
	other, _ := b.(tftypes.String)
	if one.ValueString() == "" || other.ValueString() == "" {
		return one.ValueString() == other.ValueString()
	}
	return slices.Equal(absolute([]string{one.ValueString()}), absolute([]string{other.ValueString()}))
}

func absolute(paths []string) []string {
	all := make([]string, len(paths))
	for i, p := range paths {
		all[i] = p
		if found, err := filepath.Abs(p); err == nil {
			all[i] = found
		}
	}
	return all
}

package swarm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Manager is an engine that can tell whether it manages a swarm.
type Manager interface {
	NeedSwarm(ctx context.Context) error
}

// Label is one label block.
type Label struct {
	Label types.String `tfsdk:"label"`
	Value types.String `tfsdk:"value"`
}

// LabelsBlock is the schema of label blocks.
func LabelsBlock(doc string) schema.Block {
	return schema.SetNestedBlock{
		MarkdownDescription: doc,
		NestedObject: schema.NestedBlockObject{Attributes: map[string]schema.Attribute{
			"label": schema.StringAttribute{
				Required: true, MarkdownDescription: "Name of the label.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"value": schema.StringAttribute{Required: true, MarkdownDescription: "Value of the label."},
		}},
	}
}

// ValidateLabels refuses a label that is given twice.
func ValidateLabels(labels contract.Blocks[Label], at path.Path) diag.Diagnostics {
	var diags diag.Diagnostics
	seen := map[string]bool{}
	for _, l := range labels.Items {
		if l.Label.IsNull() || l.Label.IsUnknown() {
			continue
		}
		if name := l.Label.ValueString(); seen[name] {
			diags.AddAttributeError(at, "Duplicate label", fmt.Sprintf("The label %q is given twice; an object has one value for a label.", name))
		} else {
			seen[name] = true
		}
	}
	return diags
}

// ExpandLabels returns the labels of a request. It is never nil: engines tell an empty map from none in an update.
func ExpandLabels(labels contract.Blocks[Label]) map[string]string {
	all := make(map[string]string, len(labels.Items))
	for _, l := range labels.Items {
		all[l.Label.ValueString()] = l.Value.ValueString()
	}
	return all
}

// FlattenLabels follows the order of last, the rest comes sorted. [VersionLabel] is not of the declaration.
func FlattenLabels(labels map[string]string, last contract.Blocks[Label]) contract.Blocks[Label] {
	rest := maps.Clone(labels)
	delete(rest, VersionLabel)
	var items []Label
	add := func(name string) {
		if value, ok := rest[name]; ok {
			items = append(items, Label{types.StringValue(name), types.StringValue(value)})
			delete(rest, name)
		}
	}
	for _, l := range last.Items {
		add(l.Label.ValueString())
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		add(name)
	}
	return contract.BlocksOf(items...)
}

// namePattern is what a swarm takes as a name.
var namePattern = regexp.MustCompile(`^[a-zA-Z0-9](?:[-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`)

// Name validates the name of something that belongs to a swarm, of limit characters at most.
func Name(limit int) []validator.String {
	return []validator.String{
		stringvalidator.RegexMatches(namePattern, "is no name for a swarm: it has letters, digits, - _ and ., and starts and ends with a letter or digit"),
		stringvalidator.LengthAtMost(limit),
	}
}

// Called is what an object is asked for by: its id, or its name while that is all that is known.
func Called(kind string, id, name types.String) (string, error) {
	if known := id.ValueString(); known != "" {
		return known, nil
	}
	if known := name.ValueString(); known != "" {
		return known, nil
	}
	return "", fmt.Errorf("%s without id and name: %w", kind, errs.ErrNotFound)
}

// attempts bounds how often an update is tried that others keep overtaking.
const attempts = 10

// InSequence runs an update that names the version it changes, again when somebody changed the object between its look
// and its change. update looks anew each time.
func InSequence(update func() error) error {
	for n := 1; ; n++ {
		err := update()
		if err == nil || n == attempts || !strings.Contains(err.Error(), "update out of sequence") {
			return err
		}
	}
}

// Held says of an object that cannot be removed who holds it, in a swarm's words: "secret 's' is in use by the
// following service: web".
func Held(kind, name string, err error) error {
	_, users, found := strings.Cut(err.Error(), "is in use by the following service")
	if !found {
		return fmt.Errorf("%s %q: %w", kind, name, err)
	}
	users = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(users, "s"), ":"))
	return errs.Errorf(errs.ErrConflict, "%s %q is in use by the service %s: no %s can be changed or removed while a service uses it; "+
		"give the new one another name and set create_before_destroy, so that the service is moved to it first, or remove the service", kind, name, users, kind)
}

// Taken says of a name that it is not free; any other error stays.
func Taken(kind, name string, err error) error {
	if errors.Is(err, errs.ErrConflict) {
		return contract.At("name", "a %s %q exists already and was not made by this declaration; import it (terraform import, cleat adopt) or choose another name: %w", kind, name, err)
	}
	return fmt.Errorf("%s %q: %w", kind, name, err)
}

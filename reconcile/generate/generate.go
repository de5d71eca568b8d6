package generate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// readers is how many objects are read at once.
const readers = 16

// Input is what a configuration is written from.
type Input struct {
	Types plan.Types
	// Hosts are the engines, by the provider configurations of the root module.
	Hosts map[config.ProviderKey]*plan.Host
	// Declared reports whether an address is taken by the configuration.
	Declared func(graph.Resource) bool
	// Only are the types to write, "docker_container"; empty is all that engines list.
	Only []string
}

// Object is one object that was written.
type Object struct {
	Address graph.Instance
	// ID is what the import block names it by.
	ID string
	// Differs are the attributes the next plan would change nevertheless, and why; empty as a rule.
	Differs []string

	provider config.ProviderKey
	resource contract.Resource
	observed types.Object
	declared types.Object
}

// Skipped is an object that was not written.
type Skipped struct {
	Type, Name string
	Reason     string
}

// Result is a configuration and what it is about.
type Result struct {
	Objects []*Object
	Skipped []Skipped
	// Source is the configuration, formatted.
	Source []byte
}

// Write reads what is on the engines and owned by no project of cleat, and writes its configuration.
func Write(ctx context.Context, in Input) (*Result, error) {
	r := &Result{}
	names := names{taken: map[string]bool{}, declared: in.Declared}
	for _, key := range sortedKeys(in.Hosts) {
		if err := r.read(ctx, in, key, names); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(r.Objects, func(a, b *Object) int {
		if c := order(a.Address.Type) - order(b.Address.Type); c != 0 {
			return c
		}
		return strings.Compare(a.Address.String(), b.Address.String())
	})
	r.write()
	return r, nil
}

// order writes what others refer to first.
func order(typ string) int {
	return slices.Index([]string{"docker_network", "docker_volume", "docker_container"}, typ)
}

func sortedKeys(hosts map[config.ProviderKey]*plan.Host) []config.ProviderKey {
	var keys []config.ProviderKey
	for key := range hosts {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b config.ProviderKey) int { return strings.Compare(a.Alias, b.Alias) })
	return keys
}

// read adds the objects of one engine.
func (r *Result) read(ctx context.Context, in Input, key config.ProviderKey, names names) error {
	host := in.Hosts[key]
	found := make([]*Object, len(host.Inventory.Foreign))
	failed := make([]error, len(found))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, f := range host.Inventory.Foreign {
		if !in.wants(f.Type) || f.Anonymous {
			continue
		}
		found[i] = &Object{provider: key, resource: in.Types.Resources[f.Type], ID: importID(host.Inventory, f)}
		group.Go(func() error {
			failed[i] = found[i].read(ctx, host)
			return ctx.Err() //nolint:wrapcheck // the caller's own
		})
	}
	if err := group.Wait(); err != nil {
		return err //nolint:wrapcheck // of ctx
	}
	for i, f := range host.Inventory.Foreign {
		switch {
		case f.Anonymous && in.wants(f.Type):
			r.Skipped = append(r.Skipped, Skipped{Type: f.Type, Name: f.Name, Reason: "has no name of its own and belongs to the container it was made for"})
		case found[i] == nil || errors.Is(failed[i], errs.ErrNotFound): // gone since it was listed
		case failed[i] != nil:
			r.Skipped = append(r.Skipped, Skipped{Type: f.Type, Name: f.Name, Reason: failed[i].Error()})
		default:
			found[i].Address = names.of(f, key)
			r.Objects = append(r.Objects, found[i])
		}
	}
	return nil
}

func (in Input) wants(typ string) bool { return len(in.Only) == 0 || slices.Contains(in.Only, typ) }

// importID is the name of an object, or its id where several have the name.
func importID(inventory *observe.Inventory, f observe.Foreign) string {
	for _, other := range inventory.Foreign {
		if other.Type == f.Type && other.Name == f.Name && other.ID != f.ID {
			return f.ID
		}
	}
	if f.Name == "" {
		return f.ID
	}
	return f.Name
}

// read imports the object, declares it and plans what was declared.
func (o *Object) read(ctx context.Context, host *plan.Host) (err error) {
	if o.observed, err = o.resource.Import(ctx, host.Engine, o.ID); err != nil {
		return err
	}
	if o.declared, err = o.resource.Declaration(ctx, host.Engine, o.observed); err != nil {
		return fmt.Errorf("declaration of %s %q: %w", o.resource.Name(), o.ID, err)
	}
	for _, d := range o.resource.Validate(ctx, o.declared).Errors() {
		o.Differs = append(o.Differs, "refused: "+d.Detail())
	}
	planned, err := o.resource.Plan(ctx, host.Engine, contract.Request{
		Config: o.declared, Observed: o.observed, APIVersion: host.APIVersion, Lacks: host.Lacks,
	})
	if err != nil {
		o.Differs = append(o.Differs, err.Error())
	}
	for _, c := range planned.Changes {
		text := c.Path + " (" + c.Effect.String() + ")"
		if c.Reason != "" {
			text += ": " + c.Reason
		}
		o.Differs = append(o.Differs, text)
	}
	return nil
}

// names gives addresses.
type names struct {
	taken    map[string]bool
	declared func(graph.Resource) bool
}

// of is the address of an object: its name in letters an address may have, numbered where that is taken.
func (n names) of(f observe.Foreign, key config.ProviderKey) graph.Instance {
	name := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, f.Name)
	if name == "" {
		name = f.ID[:min(12, len(f.ID))]
	}
	if key.Alias != "" {
		name = key.Alias + "_" + name
	}
	if c := name[0]; c == '-' || c >= '0' && c <= '9' {
		name = "_" + name
	}
	for i, base := 2, name; ; i++ {
		at := graph.Resource{Mode: graph.Managed, Type: f.Type, Name: name}
		if !n.taken[at.String()] && !n.declared(at) {
			n.taken[at.String()] = true
			return graph.Instance{Mode: at.Mode, Type: at.Type, Name: at.Name}
		}
		name = fmt.Sprint(base, "_", strconv.Itoa(i))
	}
}

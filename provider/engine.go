package provider

import (
	"context"
	"errors"

	"github.com/cleat-dev/cleat/resources/contract"
)

// engine is the Docker host of one provider block.
type engine struct {
	// open returns the value resource types call. It reaches the host at its first use; nil when the host is not
	// known, because the provider's configuration depends on values only an apply will tell.
	open func(ctx context.Context) (any, error)
	// registries is what registries are asked with; it needs no host.
	registries any
	// unchecked says that the host need not be there before something must be asked of it.
	unchecked bool
}

// errUnknownHost is what operations get that need a host which is not known.
var errUnknownHost = errors.New("the Docker host is not known yet: the provider block depends on values that only an apply will tell; " +
	"apply what it refers to first, with -target")

// errUnknownToData is what a data source gets then: Terraform reads it while it plans, unless it is told to wait.
var errUnknownToData = errors.New("the Docker host is not known yet: the provider block depends on values that only an apply will tell; " +
	"give the data source depends_on with what the block refers to, so that it is read during the apply")

func (e *engine) known() bool { return e != nil && e.open != nil }

// get returns the engine value.
func (e *engine) get(ctx context.Context) (any, error) {
	if !e.known() {
		return nil, errUnknownHost
	}
	return e.open(ctx)
}

// forData returns the value a data source asks: the host only for one that needs it.
func (e *engine) forData(ctx context.Context, d contract.Data) (any, error) {
	if e != nil && e.registries != nil && d.Takes(e.registries) {
		return e.registries, nil
	}
	if !e.known() {
		return nil, errUnknownToData
	}
	return e.get(ctx)
}

// forPlan returns the engine value for a plan, or nil where the plan can do without: when the host is not known, and
// when nothing exists yet on a host that is not to be checked.
func (e *engine) forPlan(ctx context.Context, exists bool) (any, error) {
	if !e.known() || e.unchecked && !exists {
		return nil, nil
	}
	return e.open(ctx)
}

// apiVersion is the API version an engine value speaks, or "" when it does not say.
func apiVersion(value any) string {
	if v, ok := value.(contract.Versioned); ok {
		return v.ClientVersion()
	}
	return ""
}

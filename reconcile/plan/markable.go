package plan

import (
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/resources/contract"
)

// markable refuses to make what could not be told apart from what others made: an object of a listed type on an engine
// that takes no labels for it. The ledger is no substitute: between the creation and its entry a crash would leave an
// object that is nobody's.
func (i *instance) markable() error {
	since := i.resource.Rules()["labels"].Requires
	if since == "" || i.host.APIVersion == "" || !observe.Listed(i.step.Address.Type) || !versions.LessThan(i.host.APIVersion, since) {
		return nil
	}
	return contract.Refuse("", errs.ErrInvalid, "cleat labels what it makes, and engines take labels for a %s from API %s on, this one speaks %s; upgrade the engine, or make it by hand and take it over: cleat adopt '%s' ID",
		i.step.Address.Type, since, i.host.APIVersion, i.step.Address)
}

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// engine is what one provider configuration leads to.
type engine struct {
	client   *client.Client
	wrapped  *ownership.Engine
	endpoint *endpoint
}

// endpoint is one engine, whichever provider configurations lead to it: they share its inventory and its lock.
type endpoint struct {
	address   string
	name      string // its provider configuration, where there is more than one endpoint
	wrapped   *ownership.Engine
	inventory *observe.Inventory
	lock      *ownership.Lock
	// changed: something was applied since the inventory; cleared: nothing of the project is left.
	changed, cleared bool
}

// unused reports whether the project has nothing on the engine.
func (e *endpoint) unused() bool {
	return e.cleared || !e.changed && e.inventory != nil && len(e.inventory.Objects) == 0 && !e.inventory.Ledger.Exists()
}

// connect reaches the engine of every provider configuration in use.
func (p *Project) connect(ctx context.Context, e *config.Evaluator) hcl.Diagnostics {
	var diags hcl.Diagnostics
	keys := p.config.Providers()
	if len(keys) == 0 { // all that was made with the default one is declared no longer
		keys = []config.ProviderKey{{}}
	}
	for _, key := range keys {
		if p.hosts[key] != nil {
			continue
		}
		block, more := e.Provider(key)
		if waits := p.waits(key, block); waits != nil {
			diags = diags.Append(waits)
			continue
		}
		diags = append(diags, more...)
		if more.HasErrors() {
			continue
		}
		found, err := p.reach(ctx, block)
		if err != nil {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError, Summary: "Engine not reachable", Detail: fmt.Sprintf("%s: %s", key, err), Subject: block.Declared,
			})
			continue
		}
		p.join(key, found)
	}
	return diags
}

// waits refuses a provider block that refers to an object: every engine is asked what it has before anything is planned.
// Terraform has a state to plan from, and defers that.
func (p *Project) waits(key config.ProviderKey, block *config.ProviderBlock) *hcl.Diagnostic {
	for _, need := range p.config.ProviderNeeds(key) {
		if !need.HasInstances() {
			continue
		}
		return &hcl.Diagnostic{
			Severity: hcl.DiagError, Summary: "Provider configuration depends on an object", Subject: block.Declared,
			Detail: fmt.Sprintf("The block of %s refers to %s. cleat asks every engine what it has before it plans, so the block may refer to variables and local values only. "+
				"Declare what makes the host in a directory of its own, and hand its address over as a variable: cleat apply -var host=$(cleat -chdir=DIR output -raw NAME).", key, need),
		}
	}
	return nil
}

func (p *Project) reach(ctx context.Context, block *config.ProviderBlock) (*client.Client, error) {
	if !block.Value.IsWhollyKnown() {
		return nil, errors.New("its configuration is known only after apply (a function such as timestamp or uuid); use variables and local values")
	}
	cfg, err := p.options.Catalog.ClientConfig(block.Value)
	if err != nil {
		return nil, err
	}
	cfg.UserAgent = p.options.UserAgent
	return p.options.Connect(ctx, cfg)
}

// join adds the engine of a provider configuration to its endpoint.
func (p *Project) join(key config.ProviderKey, c *client.Client) {
	address := c.DaemonHost()
	at, ok := p.endpoints[address]
	if !ok {
		at = &endpoint{address: address, name: key.String(), wrapped: ownership.NewEngine(c)}
		p.endpoints[address] = at
	}
	at.name = min(at.name, key.String())
	p.hosts[key] = &engine{client: c, wrapped: ownership.NewEngine(c), endpoint: at}
}

// ordered are the endpoints in a fixed order, so that two applies that lock several of them cannot block each other.
func (p *Project) ordered() []*endpoint {
	list := slices.Collect(maps.Values(p.endpoints))
	slices.SortFunc(list, func(a, b *endpoint) int { return strings.Compare(a.address, b.address) })
	return list
}

// look takes the inventory of every engine.
func (p *Project) look(ctx context.Context) hcl.Diagnostics {
	for _, e := range p.ordered() {
		inventory, err := observe.Take(ctx, e.wrapped, p.name)
		if err != nil {
			return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Engine not readable", Detail: fmt.Sprintf("%s: %s", e.address, err)}}
		}
		e.inventory = inventory
	}
	return nil
}

// planHosts are the engines as plan and apply see them.
func (p *Project) planHosts() map[config.ProviderKey]*plan.Host {
	hosts := make(map[config.ProviderKey]*plan.Host, len(p.hosts))
	for key, e := range p.hosts {
		h := &plan.Host{Engine: e.wrapped, APIVersion: e.client.ClientVersion(), Lacks: e.client.Lacks(), Inventory: e.endpoint.inventory}
		if len(p.endpoints) > 1 {
			h.Name = e.endpoint.name
		}
		hosts[key] = h
	}
	return hosts
}

// recorded are the outputs as of the last apply.
func (p *Project) recorded() (map[string]cty.Value, hcl.Diagnostics) {
	outputs := map[string]cty.Value{}
	for _, e := range p.ordered() {
		for name, o := range e.inventory.Ledger.Outputs {
			typ, err := ctyjson.UnmarshalType(o.Type)
			if err != nil {
				return nil, unreadable(name, err)
			}
			if outputs[name], err = ctyjson.Unmarshal(o.Value, typ); err != nil {
				return nil, unreadable(name, err)
			}
		}
	}
	return outputs, nil
}

func unreadable(output string, err error) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "Recorded output not readable", Detail: fmt.Sprintf("Output %q in the ledger: %s.", output, err)}}
}

// Lock takes the right to change the project on all its engines, waiting at most timeout for another holder.
func (p *Project) Lock(ctx context.Context, timeout time.Duration, operation string) hcl.Diagnostics {
	diags := p.inputs()
	if diags.HasErrors() {
		return diags
	}
	e := p.evaluator(true)
	if diags = append(diags, e.CheckVariables()...); diags.HasErrors() {
		return diags
	}
	if diags = append(diags, p.connect(ctx, e)...); diags.HasErrors() {
		return diags
	}
	wait, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for _, e := range p.ordered() {
		if e.lock != nil {
			continue
		}
		lock, err := ownership.TakeLock(wait, e.wrapped.Client, p.name, ownership.NewHolder(operation))
		if err != nil {
			return append(diags, p.locked(e, err))
		}
		e.lock = lock
	}
	return diags
}

func (p *Project) locked(e *endpoint, err error) *hcl.Diagnostic {
	d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Project is locked", Detail: fmt.Sprintf("%s: %s", e.address, err)}
	var held *ownership.HeldError
	if errors.As(err, &held) {
		d.Detail = fmt.Sprintf("Project %q on %s is held by %s.\nWait for it (-lock-timeout=5m), or, when it is certainly gone: cleat unlock %.12s",
			p.name, e.address, held.Holder, held.ID)
	}
	return d
}

func (p *Project) unlock(ctx context.Context) error {
	var failed []error
	for _, e := range p.endpoints {
		if e.lock == nil {
			continue
		}
		release := e.lock.Unlock
		if e.unused() {
			failed = append(failed, e.forget(ctx, p.name))
			release = e.lock.Cleanup
		}
		failed = append(failed, release(ctx))
		e.lock = nil
	}
	return errors.Join(failed...)
}

// forget removes from the ledger what it has of objects that are gone: an interrupted destruction may have left that.
func (e *endpoint) forget(ctx context.Context, project string) error {
	next := e.inventory.Ledger.Clone()
	clear(next.Records)
	written, err := e.inventory.Ledger.Write(ctx, e.wrapped.Client, project, next)
	e.inventory.Ledger = written
	return err
}

// Unlock removes the project's locks whoever holds them. id, when not empty, must be the lock's.
func (p *Project) Unlock(ctx context.Context, id string) ([]ownership.Holder, hcl.Diagnostics) {
	diags := p.inputs()
	if diags.HasErrors() {
		return nil, diags
	}
	if diags = append(diags, p.connect(ctx, p.evaluator(true))...); diags.HasErrors() {
		return nil, diags
	}
	var holders []ownership.Holder
	for _, e := range p.ordered() {
		h, err := ownership.ForceUnlock(ctx, e.wrapped.Client, p.name, id)
		if err != nil {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "Not unlocked", Detail: fmt.Sprintf("%s: %s", e.address, err)})
			continue
		}
		holders = append(holders, h)
	}
	return holders, diags
}

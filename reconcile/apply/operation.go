package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/progress"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
)

// operation is one step being carried out.
type operation struct {
	*run
	// step is the plan made with what is known now, planned the one that was approved.
	step, planned *plan.Step
	block         *config.Block
	resource      contract.Resource
	host          *plan.Host
	result        types.Object
	begun         time.Time
}

// carryOut does what the step says and leaves in result what the object is then.
func (o *operation) carryOut() error {
	o.begun = time.Now()
	if !o.step.Changing() && !o.removedEarly() {
		o.result = o.step.After
		return nil
	}
	phase := ""
	if o.removedEarly() {
		phase = "creating the new one"
	}
	o.started(phase)
	ctx := o.observed(func() {})
	err := o.do(ctx)
	if err == nil {
		err = o.complete(ctx)
	}
	if err != nil {
		o.event(Errored, "", err)
		return err
	}
	o.event(Completed, "", nil)
	return nil
}

// started reports that the step is being carried out, or, where that was said before, that a phase of it begins.
func (o *operation) started(phase string) {
	o.mu.Lock()
	again := o.planned != nil && o.said[o.planned]
	o.said[o.planned] = true
	o.mu.Unlock()
	switch {
	case !again:
		o.event(Started, phase, nil)
	case phase != "":
		o.event(Progress, phase, nil)
	}
}

// observed is the context of calls whose progress is reported; first is called before.
func (o *operation) observed(first func()) context.Context {
	return progress.With(o.work, func(e progress.Event) {
		first()
		o.observe(Event{
			Kind: Progress, Address: o.step.Address, Host: o.step.Host, Action: o.step.Action,
			Message: e.Message, Current: e.Current, Total: e.Total, Elapsed: time.Since(o.begun),
		})
	})
}

func (o *operation) event(kind EventKind, phase string, err error) {
	o.observe(Event{
		Kind: kind, Address: o.step.Address, Host: o.step.Host, Action: o.step.Action, Phase: phase,
		Elapsed: time.Since(o.begun), ID: idOf(o.result), Err: err,
	})
}

// removedEarly reports whether the object a replacement was planned for is gone already, so that there is no less to
// do than to create.
func (o *operation) removedEarly() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.planned != nil && o.gone[o.planned]
}

func (o *operation) do(ctx context.Context) error {
	if o.removedEarly() {
		return o.recreate(ctx)
	}
	switch o.step.Action {
	case plan.Create:
		return o.createFirst(ctx)
	case plan.Update:
		return o.update(ctx)
	case plan.Replace:
		return o.replace(ctx)
	default: // an object that moved or is adopted, and is as declared
		o.result = o.step.After
		o.books.changed(o.step, o.result)
		return nil
	}
}

// recreate makes what was removed to be replaced.
func (o *operation) recreate(ctx context.Context) error {
	if o.step.Action != plan.Replace { // less would do now, had the object not gone
		fresh, err := o.resource.Plan(ctx, o.host.Engine, contract.Request{Config: o.declared(), Observed: o.resource.Node().Null(), APIVersion: o.host.APIVersion, Lacks: o.host.Lacks})
		if err != nil {
			return err
		}
		o.step.After = fresh.Planned
	}
	return o.createFirst(ctx)
}

// declared is the declaration as an object, computed attributes null.
func (o *operation) declared() types.Object {
	value, err := config.FromCty(o.block.Value, o.resource.Node().Type())
	object, ok := value.(types.Object)
	if err != nil || !ok {
		return o.step.After
	}
	return object
}

func (o *operation) create(ctx context.Context) error {
	labels, err := ownership.Labels(o.Project, o.step.Address, o.books.record(o.step, o.step.After))
	if err != nil {
		return err
	}
	whole, err := o.resource.Node().WithWriteOnly(o.step.After, o.declared())
	if err != nil {
		return err
	}
	ctx, warnings := contract.Collect(ctx)
	o.result, err = o.resource.Create(ctx, o.Stamp(o.host, labels), whole)
	o.warn(warnings())
	return err
}

// createFirst creates an object that has no predecessor. One that exists but is not as planned is ours too.
func (o *operation) createFirst(ctx context.Context) error {
	err := o.overcome(ctx, o.create(ctx))
	var partial *contract.Partial
	if err == nil || errors.As(err, &partial) {
		o.books.made(o.step, o.result)
	} else if !o.removedEarly() {
		o.books.failed(o.step)
	}
	return err
}

// overcome deals with a create that found its name taken, by what an apply asked for that was killed: that is taken when it
// is as planned, and otherwise removed, which loses nothing: nobody has had it yet.
func (o *operation) overcome(ctx context.Context, err error) error {
	for pause := firstPause; isTaken(err) && pause <= lastPause; pause *= 2 {
		late, differs, found := o.late(ctx)
		switch {
		case !found && !elapse(ctx, pause): // it is on its way, or somebody else's
			return err
		case found && !differs:
			o.result = late
			return nil
		case found && (o.block.Lifecycle.PreventDestroy || o.resource.Delete(ctx, o.host.Engine, late) != nil):
			return err
		}
		err = o.create(ctx)
	}
	return err
}

// An engine may hold the name of what an apply asked for that was killed before it shows the object.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 800 * time.Millisecond
)

// isTaken reports whether nothing was made because there is something of the kind already.
func isTaken(err error) bool {
	var partial *contract.Partial
	return errors.Is(err, errs.ErrConflict) && !errors.As(err, &partial)
}

// elapse waits, and reports whether the time has passed before ctx ended.
func elapse(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// late looks for the object an apply asked for that was killed before the engine was done, so that the plan did not see it:
// it has our address. It may differ from what is planned now.
func (o *operation) late(ctx context.Context) (there types.Object, differs, found bool) {
	api, ok := o.host.Engine.(observe.API)
	if !ok {
		return there, false, false
	}
	inventory, err := observe.Take(ctx, api, o.Project)
	if err != nil {
		return there, false, false
	}
	i := slices.IndexFunc(inventory.Objects, func(found observe.Object) bool {
		return found.Address == o.step.Address && found.Labelled && !found.Aside
	})
	if i < 0 {
		return there, false, false
	}
	values := o.step.After.Attributes()
	values["id"] = types.StringValue(inventory.Objects[i].ID)
	if there, err = o.resource.Node().Object(values); err != nil {
		return there, false, false
	}
	if there, err = o.resource.Read(ctx, o.host.Engine, there); err != nil || there.IsNull() {
		return there, false, false
	}
	return there, len(o.resource.Diff(there, o.step.After, o.host.APIVersion)) > 0, true
}

func (o *operation) update(ctx context.Context) error {
	if onlyRecorded(o.resource.Rules(), o.step.Changes) {
		o.result = o.step.After
	} else {
		whole, err := o.resource.Node().WithWriteOnly(o.step.After, o.declared())
		if err != nil {
			return err
		}
		ctx, warnings := contract.Collect(ctx)
		o.result, err = o.resource.Update(ctx, o.host.Engine, o.step.Before, whole, o.step.Changes)
		o.warn(warnings())
		if err != nil {
			return err
		}
	}
	o.books.changed(o.step, o.result)
	return nil
}

// replace makes a successor. The old object stands aside until it is up, and comes back when that fails.
func (o *operation) replace(ctx context.Context) error {
	if !o.resource.StepsAside() {
		return o.createBefore(ctx)
	}
	if err := o.clearAside(); err != nil {
		return err
	}
	o.event(Progress, "stopping the old one", nil)
	aside, err := o.resource.Aside(ctx, o.host.Engine, o.step.Before)
	if err != nil {
		return errors.Join(err, o.resource.Restore(ctx, o.host.Engine, o.step.Before))
	}
	err = o.create(ctx)
	if err == nil {
		o.event(Progress, "waiting until it is up", nil)
		err = o.resource.Up(ctx, o.host.Engine, o.result)
	}
	if err != nil {
		return o.comeBack(ctx, aside, err)
	}
	o.books.made(o.step, o.result)
	o.event(Progress, "removing the old one", nil)
	return o.discard(ctx, aside)
}

// clearAside removes what an interrupted replacement left aside: its place is needed. The object that comes back when
// this replacement fails is the one that is there now.
func (o *operation) clearAside() error {
	for _, s := range o.index.at[o.step.Address] {
		o.mu.Lock()
		done := o.ended[s]
		o.mu.Unlock()
		if s.Deposed == "" || s.Action != plan.Delete || done {
			continue
		}
		if err := o.removeOne(s); err != nil {
			return err
		}
	}
	return nil
}

// comeBack undoes a replacement that failed.
func (o *operation) comeBack(ctx context.Context, aside types.Object, failed error) error {
	var undone error
	if id := idOf(o.result); id != "" && !o.result.IsNull() {
		undone = o.discard(ctx, o.result)
	}
	o.event(Progress, "bringing the old one back", nil)
	if undone == nil {
		undone = o.resource.Restore(ctx, o.host.Engine, aside)
	}
	if undone != nil {
		return fmt.Errorf("%w; and the old one did not come back: %w", failed, undone)
	}
	return fmt.Errorf("%w; the old one is back", failed)
}

// discard removes an object whose removal must not leave volumes of its successor behind or gone: only the object.
func (o *operation) discard(ctx context.Context, object types.Object) error {
	ctx, warnings := contract.Collect(ctx)
	err := o.resource.Delete(ctx, o.host.Engine, object)
	o.warn(warnings())
	if err != nil && !errors.Is(err, errs.ErrNotFound) {
		return fmt.Errorf("removing %s: %w", idOf(object), err)
	}
	return nil
}

// warn reports what the operation could not do and went on without.
func (o *operation) warn(texts []string) {
	for _, text := range texts {
		o.report(hcl.Diagnostics{{Severity: hcl.DiagWarning, Summary: o.step.Address.String(), Detail: text}})
	}
}

// createBefore makes the new object and then removes the old one: at the end, when something that is yet to leave it
// is among what changes.
func (o *operation) createBefore(ctx context.Context) error {
	if err := o.createFirst(ctx); err != nil {
		return err
	}
	if !o.leavesOld() {
		return nil
	}
	if o.resource.Prepares() || o.inUse() {
		o.mu.Lock()
		o.outlived = append(o.outlived, o)
		o.mu.Unlock()
		return nil
	}
	o.event(Progress, "removing the old one", nil)
	if err := o.discard(ctx, o.step.Before); err != nil {
		return err
	}
	o.books.cleared(o.step)
	return nil
}

// leavesOld reports whether there is an old object of ours beside the one just made. There is none where the new one
// took its place: what cannot be labelled is known by its name alone.
func (o *operation) leavesOld() bool {
	if o.step.Record.Existed || idOf(o.result) == idOf(o.step.Before) {
		return false
	}
	return observe.Listed(o.step.Address.Type) || !plan.SamePlace(o.resource, o.step.Before, o.step.After)
}

// complete reads the object where something refers to what is not known of it yet, and checks that it is as planned.
func (o *operation) complete(ctx context.Context) error {
	if o.wanted() || o.onlyKnown() {
		read, err := o.resource.Read(ctx, o.host.Engine, o.result)
		if err != nil {
			return err
		}
		o.result = read
		o.books.read(o.step, o.result)
	}
	err := o.resource.Check(o.step.After, o.result)
	if err != nil {
		if why := o.resource.Explain(ctx, o.host.Engine, o.step.After, o.result); why != nil {
			return why
		}
	}
	return err
}

// onlyKnown reports whether the ledger alone tells what the object is, and attributes of it are not known: without
// them it could not be removed once it is declared no longer.
func (o *operation) onlyKnown() bool {
	if observe.Listed(o.step.Address.Type) {
		return false
	}
	for _, v := range o.result.Attributes() {
		if v.IsUnknown() {
			return true
		}
	}
	return false
}

// wanted reports whether something refers to an attribute that is not known yet.
func (o *operation) wanted() bool {
	static, ok := o.Config.Resource(o.step.Address.Resource())
	if !ok {
		return false
	}
	values := o.result.Attributes()
	for _, a := range o.resource.Node().Attributes {
		if values[a.Name].IsUnknown() && (static.ReadsAll || slices.Contains(static.Reads, a.Name)) {
			return true
		}
	}
	for _, b := range o.resource.Node().Blocks {
		if (static.ReadsAll || slices.Contains(static.Reads, b.Name)) && o.opens(b.Name) {
			return true
		}
	}
	return false
}

// opens reports whether a block has computed attributes that are not known.
func (o *operation) opens(block string) bool {
	value, err := config.ToCty(o.result.Attributes()[block])
	return err == nil && !value.IsWhollyKnown()
}

// fetchFor gets what the successor of a replaced object needs.
func (r *run) fetchFor(s *plan.Step) error {
	o := &operation{run: r, step: s, planned: s, resource: r.Types.Resources[s.Address.Type], host: r.Hosts[s.Provider], begun: time.Now(), result: s.Before}
	err := o.resource.Fetch(o.observed(func() { o.started("") }), o.host.Engine, s.After)
	if err == nil {
		return nil
	}
	o.started("")
	o.event(Errored, "", err)
	r.settled(s, err)
	diags := plan.Problem(s.Address, nil, err)
	diags[0].Subject = s.Declared
	return r.verdict(diags)
}

// removeOne removes the object of a step, or forgets it.
func (r *run) removeOne(s *plan.Step) error {
	o := &operation{run: r, step: s, planned: s, resource: r.Types.Resources[s.Address.Type], host: r.Hosts[s.Provider], begun: time.Now(), result: s.Before}
	replaced := s.Action == plan.Replace
	if s.Action == plan.Forget {
		r.books.removed(s)
		r.settled(s, nil)
		return nil
	}
	phase := ""
	if replaced {
		phase = "removing the old one"
	}
	o.started(phase)
	if err := o.discard(r.work, s.Before); err != nil {
		o.event(Errored, phase, err)
		r.settled(s, err)
		return r.verdict(plan.Problem(s.Address, nil, err))
	}
	if replaced {
		r.mu.Lock()
		r.gone[s] = true
		r.mu.Unlock()
		r.books.cleared(s)
		return nil
	}
	r.books.removed(s)
	o.event(Completed, phase, nil)
	r.settled(s, nil)
	return nil
}

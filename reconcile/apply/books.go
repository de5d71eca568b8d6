package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// books are the ledgers of an apply, one for each engine: as they are, and as they are to be.
type books struct {
	in Input

	mu   sync.Mutex
	open map[*observe.Inventory]*book
}

type book struct {
	api           ownership.API
	current, next *ownership.Ledger
}

func openBooks(in Input) *books {
	b := &books{in: in, open: map[*observe.Inventory]*book{}}
	for inventory, h := range once(in.Hosts) {
		next := inventory.Ledger.Clone()
		for _, id := range inventory.Vanished { // nobody can take them for ours again
			delete(next.Forgotten, id)
		}
		b.open[inventory] = &book{api: in.Ledgers(h), current: inventory.Ledger, next: next}
	}
	return b
}

func (b *books) of(s *plan.Step) *book { return b.open[b.in.Hosts[s.Provider].Inventory] }

// intend records what is about to be made that cannot carry labels, before it is made: after a crash it is known as
// ours.
func (b *books) intend(ctx context.Context, p *plan.Plan) error {
	for _, s := range p.Steps {
		if s.Action != plan.Create && s.Action != plan.Replace || observe.Listed(s.Address.Type) || s.Existed && s.Action == plan.Create {
			continue
		}
		record := b.record(s, s.After)
		record.Intent = true
		if s.Action == plan.Replace {
			if plan.SamePlace(b.in.Types.Resources[s.Address.Type], s.Before, s.After) {
				continue // the record of the old one leads to either
			}
			if !s.Record.Existed {
				record.Previous = &s.Record
			}
		}
		b.of(s).next.Records[s.Address.String()] = record
	}
	return b.write(ctx)
}

// record is what is remembered of a step's object.
func (b *books) record(s *plan.Step, object types.Object) ownership.Record {
	r := plan.RecordOf(b.in.Types.Resources[s.Address.Type], s, object)
	r.Existed = s.Existed
	return r
}

// made notes an object that was created: one that carries its record itself needs none here.
func (b *books) made(s *plan.Step, object types.Object) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if observe.Listed(s.Address.Type) {
		delete(b.of(s).next.Records, s.Address.String())
		return
	}
	b.keep(s, object)
}

// failed takes back the intent of a replacement that made nothing: the old object is what there is.
func (b *books) failed(s *plan.Step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Action == plan.Replace && !observe.Listed(s.Address.Type) {
		b.of(s).next.Records[s.Address.String()] = s.Record
	}
}

// cleared notes that one of two objects of an address is gone: the old one of a replacement, or the new one of a
// replacement that was given up.
func (b *books) cleared(s *plan.Step) {
	b.mu.Lock()
	defer b.mu.Unlock()
	records := b.of(s).next.Records
	record, ok := records[s.Address.String()]
	switch {
	case !ok || record.Previous == nil:
	case record.Previous.ID == s.ID:
		record.Previous = nil
		records[s.Address.String()] = record
	case record.ID == s.ID:
		records[s.Address.String()] = *record.Previous
	}
}

// changed notes an object that has another record now than it carries.
func (b *books) changed(s *plan.Step, object types.Object) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.carried(s, object) {
		return
	}
	b.keep(s, object)
}

// carried reports whether the object's own label says all there is to remember: drift was repaired, nothing else.
func (b *books) carried(s *plan.Step, object types.Object) bool {
	_, recorded := b.of(s).next.Records[s.Address.String()]
	if !observe.Listed(s.Address.Type) || recorded || s.Moved() || s.Adopting != "" {
		return false
	}
	record, declared := b.record(s, object), s.Config.Attributes()
	for name := range record.Values { // what the engine chose was not known when the label was written
		if v, ok := declared[name]; s.Record.Values[name] == nil && ok && v.IsNull() {
			delete(record.Values, name)
		}
	}
	return record.Equal(s.Record)
}

// read notes what a read told of an object only the ledger knows.
func (b *books) read(s *plan.Step, object types.Object) {
	if observe.Listed(s.Address.Type) {
		return
	}
	b.changed(s, object)
}

func (b *books) keep(s *plan.Step, object types.Object) {
	record := b.record(s, object)
	record.ID = idOf(object)
	if record.ID == "" {
		record.ID = s.ID
	}
	if s.Moved() {
		delete(b.of(s).next.Records, s.PreviousAddress.String())
	}
	before := b.of(s).next.Records[s.Address.String()]
	if record.Previous = before.Previous; record.Previous != nil && record.Previous.ID == s.ID && s.Action != plan.Replace {
		before.Previous = nil // it is the old object that stays
		record.Previous = &before
	}
	b.of(s).next.Records[s.Address.String()] = record
}

// removed notes that an object is gone, or is ours no longer.
func (b *books) removed(s *plan.Step) {
	if s.Deposed != "" {
		b.cleared(s)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.Deposed == "" {
		delete(b.of(s).next.Records, s.Address.String())
	}
	if s.Action == plan.Forget && observe.Listed(s.Address.Type) {
		b.of(s).next.Forgotten[s.ID] = true
		return
	}
	delete(b.of(s).next.Forgotten, s.ID)
}

// idOf is the id attribute of an object, "" while it is not known.
func idOf(object types.Object) string {
	id, ok := object.Attributes()["id"].(types.String)
	if !ok || id.IsUnknown() {
		return ""
	}
	return id.ValueString()
}

func (b *books) write(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var failed []error
	for inventory, book := range b.open {
		written, err := book.current.Write(ctx, book.api, b.in.Project, book.next)
		if err != nil {
			failed = append(failed, err)
		}
		if written != book.current {
			next := book.next
			book.current, book.next = written, written.Clone()
			book.next.History = next.History
		}
		inventory.Ledger = book.current
	}
	return errors.Join(failed...)
}

// close writes the ledgers as they are to be. The outputs are recorded with the default engine's, and only of an apply
// that was whole.
func (b *books) close(ctx context.Context, r Report, whole bool) error {
	var failed []error
	first := b.first()
	for _, book := range b.open {
		if whole {
			book.next.Outputs = map[string]ownership.Output{}
		}
		book.next.Remember(ownership.Applied{
			Time: time.Now().UTC().Truncate(time.Second), By: ownership.NewHolder("apply").User,
			Summary: fmt.Sprintf("%d added, %d changed, %d replaced, %d destroyed", r.Done.Add, r.Done.Change, r.Done.Replace, r.Done.Destroy),
		})
	}
	for _, o := range r.Outputs {
		if o.Sensitive || first == nil {
			continue
		}
		typ, err := ctyjson.MarshalType(o.After.Type())
		if err != nil {
			failed = append(failed, fmt.Errorf("output %q: %w", o.Name, err))
			continue
		}
		value, err := ctyjson.Marshal(o.After, o.After.Type())
		if err != nil {
			failed = append(failed, fmt.Errorf("output %q: %w", o.Name, err))
			continue
		}
		first.next.Outputs[o.Name] = ownership.Output{Type: typ, Value: value}
	}
	return errors.Join(append(failed, b.write(ctx))...)
}

// first is the book outputs are recorded in: that of the first provider configuration by name.
func (b *books) first() *book {
	first := ""
	var found *book
	for key, h := range plan.OnceEach(b.in.Hosts) {
		if name := key.String(); found == nil || name < first {
			first, found = name, b.open[h.Inventory]
		}
	}
	return found
}

package plan_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/resources/contract"
)

// engine is an engine in memory. It writes down every call in order and calls the hook of a call, if there is one,
// before it is carried out: to fail it, to block it, to change the world meanwhile.
type engine struct {
	mu      sync.Mutex
	objects map[string]*object // by type/id
	named   map[string]*object // by type/name, as last found
	made    map[string]int     // how many of a type and name
	log     []string
	hooks   map[string]func() error
	watch   func(call string) // told of every call before it is carried out
}

// object is one object on an engine.
type object struct {
	typ     string
	thing   thing
	uses    []string
	labels  map[string]string
	created int64
}

var (
	_ floor         = (*engine)(nil)
	_ floor         = stamped{}
	_ observe.API   = (*engine)(nil)
	_ ownership.API = (*engine)(nil)
)

func newEngine() *engine {
	return &engine{objects: map[string]*object{}, named: map[string]*object{}, made: map[string]int{}, hooks: map[string]func() error{}}
}

// call notes a call and runs its hook without the lock.
func (e *engine) call(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	e.mu.Lock()
	e.log = append(e.log, line)
	e.mu.Unlock()
	return e.hook(line)
}

func (e *engine) hook(line string) error {
	e.mu.Lock()
	hook, watch := e.hooks[line], e.watch
	e.mu.Unlock()
	if watch != nil {
		watch(line)
	}
	if hook == nil {
		return nil
	}
	return hook()
}

// calls returns what was called since the last time, without what only looks.
func (e *engine) calls() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	log := slices.DeleteFunc(e.log, func(line string) bool { return strings.HasPrefix(line, "read ") || strings.HasPrefix(line, "resolve ") })
	e.log = nil
	return log
}

// copied is the engine as it is now, as after a crash.
func (e *engine) copied() *engine {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := newEngine()
	maps.Copy(c.made, e.made)
	for key, o := range e.objects {
		one := *o
		c.objects[key] = &one
	}
	return c
}

// find is the object of an id or name.
func (e *engine) find(typ, id string) *object {
	if o := e.objects[typ+"/"+id]; o != nil {
		return o
	}
	key := typ + "/" + id
	if o := e.named[key]; o != nil && o.thing.Name.ValueString() == id && e.objects[typ+"/"+o.thing.ID.ValueString()] == o {
		return o
	}
	for _, o := range e.objects {
		if o.typ == typ && o.thing.Name.ValueString() == id {
			e.named[key] = o
			return o
		}
	}
	return nil
}

// change alters an object behind cleat's back.
func (e *engine) change(typ, name string, change func(*thing)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.find(typ, name).thing)
}

// lose removes an object behind cleat's back.
func (e *engine) lose(typ, name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.find(typ, name)
	delete(e.objects, typ+"/"+o.thing.ID.ValueString())
}

// foreign makes an object nobody here knows of.
func (e *engine) foreign(typ string, m thing) *object {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.store(typ, m, nil)
}

// store adds an object; the n-th of a name has the id name-n. The id of a mould and a tag says what is in it; a new one
// takes the name from the one before.
func (e *engine) store(typ string, m thing, labels map[string]string) *object {
	name := m.Name.ValueString()
	if m.Color.IsNull() {
		m.Color = types.StringValue("plain")
	}
	e.made[typ+"/"+name]++
	id := fmt.Sprintf("%s-%d", name, e.made[typ+"/"+name])
	switch typ {
	case "mould", "tag":
		id = "sha:" + name
		if m.Color.ValueString() != "plain" {
			id += "," + m.Color.ValueString()
		}
		if before := e.find(typ, name); before != nil {
			before.thing.Name = types.StringValue("<none>")
		}
	case "volume":
		id = name
	}
	m.ID, m.Address = types.StringValue(id), types.StringValue("at "+id)
	m.MouldID = types.StringNull()
	if found := e.find("mould", m.Mould.ValueString()); found != nil {
		m.MouldID = found.thing.ID
	}
	m.Token, m.Keep = types.StringNull(), types.BoolNull()
	o := &object{typ: typ, thing: m, uses: strs(m.Uses), labels: labels, created: int64(len(e.objects) + 1)}
	e.objects[typ+"/"+id] = o
	return o
}

func (e *engine) create(typ string, m thing) (thing, error) { return stamped{engine: e}.create(typ, m) }

// identity is what an object is called by: moulds and tags by their name, others by id where it is known.
func identity(typ string, m thing) string {
	if id := m.ID.ValueString(); id != "" && (typ != "mould" && typ != "tag" || m.Name.ValueString() == "") {
		return id
	}
	return m.Name.ValueString()
}

func (e *engine) read(typ string, last thing) (thing, error) {
	id := identity(typ, last)
	if err := e.call("read %s %s", typ, id); err != nil {
		return thing{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.find(typ, id)
	if o == nil {
		return thing{}, fmt.Errorf("%s %q: %w", typ, id, errs.ErrNotFound)
	}
	m := o.thing
	m.Token, m.Keep = last.Token, last.Keep
	return m, nil
}

func (e *engine) update(typ string, m thing, changes contract.Changes) (thing, error) {
	paths := make([]string, len(changes))
	for i, c := range changes {
		paths[i] = c.Path
	}
	if err := e.call("update %s %s %s", typ, m.ID.ValueString(), strings.Join(paths, " ")); err != nil {
		return m, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.find(typ, m.ID.ValueString())
	if o == nil {
		return m, fmt.Errorf("%s %q: %w", typ, m.ID.ValueString(), errs.ErrNotFound)
	}
	o.thing.Size = m.Size
	return m, nil
}

// remove refuses what is in use, as engines do.
func (e *engine) remove(typ string, m thing) error {
	id := identity(typ, m)
	if err := e.call("delete %s %s", typ, id); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.find(typ, id)
	if o == nil {
		return nil
	}
	for _, other := range e.objects {
		if slices.Contains(other.uses, id) || slices.Contains(other.uses, o.thing.Name.ValueString()) || typ == "mould" && other.thing.MouldID.Equal(o.thing.ID) {
			return fmt.Errorf("%s %q is used by %s %q: %w", typ, id, other.typ, other.thing.ID.ValueString(), errs.ErrConflict)
		}
	}
	delete(e.objects, typ+"/"+o.thing.ID.ValueString())
	return nil
}

func (e *engine) fetch(m thing) error {
	e.mu.Lock()
	hook := e.hooks["fetch "+m.Name.ValueString()]
	e.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook()
}

func (e *engine) aside(m thing) (thing, error) {
	if err := e.call("aside %s", m.ID.ValueString()); err != nil {
		return m, err
	}
	return m, e.rename(m.ID.ValueString(), strings.TrimSuffix(m.Name.ValueString(), contract.AsideSuffix)+contract.AsideSuffix)
}

func (e *engine) restore(m thing) error {
	if err := e.call("restore %s", m.ID.ValueString()); err != nil {
		return err
	}
	return e.rename(m.ID.ValueString(), strings.TrimSuffix(m.Name.ValueString(), contract.AsideSuffix))
}

func (e *engine) rename(id, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.objects["container/"+id]
	if o == nil {
		return fmt.Errorf("container %q: %w", id, errs.ErrNotFound)
	}
	if other := e.find("container", name); other != nil && other != o {
		return fmt.Errorf("container name %q is taken: %w", name, errs.ErrConflict)
	}
	o.thing.Name = types.StringValue(name)
	return nil
}

func (e *engine) up(m thing) error { return e.call("up %s", m.ID.ValueString()) }

// resolve is unknown for a mould that is not there: it is being made.
func (e *engine) resolve(mould types.String) (types.String, error) {
	if mould.ValueString() == "" && !mould.IsUnknown() {
		return types.StringNull(), nil
	}
	if err := e.call("resolve %s", mould.ValueString()); err != nil {
		return types.StringNull(), err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if o := e.find("mould", mould.ValueString()); o != nil {
		return o.thing.ID, nil
	}
	return types.StringUnknown(), nil
}

// stamped is an engine whose creations carry labels, where their type can.
type stamped struct {
	*engine
	labels map[string]string
}

func (s stamped) create(typ string, m thing) (thing, error) {
	name := m.Name.ValueString()
	if err := s.call("create %s %s", typ, name); err != nil {
		return m, err
	}
	labels := s.labels
	if !observe.Listed("docker_" + typ) {
		labels = nil
	}
	s.mu.Lock()
	if o := s.find(typ, name); o != nil && observe.Listed("docker_"+typ) {
		s.mu.Unlock()
		return m, fmt.Errorf("%s name %q is taken by %s: %w", typ, name, o.thing.ID.ValueString(), errs.ErrConflict)
	}
	o := s.store(typ, m, labels)
	s.mu.Unlock()
	err := s.hook("start " + typ + " " + name)
	s.mu.Lock()
	defer s.mu.Unlock()
	result := o.thing
	result.Token, result.Keep, result.Address, result.MouldID = m.Token, m.Keep, types.StringUnknown(), types.StringUnknown()
	if err != nil {
		return result, &contract.Partial{Err: err}
	}
	return result, nil
}

// What follows is the engine as inventories, ledgers and locks see it.

func (e *engine) sorted(typ string) []*object {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := slices.SortedFunc(maps.Values(e.objects), func(a, b *object) int { return strings.Compare(a.thing.ID.ValueString(), b.thing.ID.ValueString()) })
	return slices.DeleteFunc(list, func(o *object) bool { return o.typ != typ })
}

func (e *engine) ContainerList(context.Context, moby.ContainerListOptions) (r moby.ContainerListResult, err error) {
	for _, o := range e.sorted("container") {
		c := container.Summary{ID: o.thing.ID.ValueString(), Names: []string{"/" + o.thing.Name.ValueString()}, Labels: maps.Clone(o.labels), Created: o.created}
		for _, p := range o.thing.Ports.Items {
			ip, _ := netip.ParseAddr(p.IP.ValueString())
			c.Ports = append(c.Ports, container.PortSummary{IP: ip, PrivatePort: uint16(p.Internal.ValueInt64()), PublicPort: uint16(p.External.ValueInt64()), Type: "tcp"})
		}
		r.Items = append(r.Items, c)
	}
	return r, nil
}

func (e *engine) NetworkList(context.Context, moby.NetworkListOptions) (r moby.NetworkListResult, err error) {
	for _, o := range e.sorted("network") {
		r.Items = append(r.Items, network.Summary{Network: network.Network{ID: o.thing.ID.ValueString(), Name: o.thing.Name.ValueString(), Labels: maps.Clone(o.labels), Created: time.Unix(o.created, 0)}})
	}
	return r, nil
}

func (e *engine) VolumeList(context.Context, moby.VolumeListOptions) (r moby.VolumeListResult, err error) {
	for _, o := range e.sorted("volume") {
		r.Items = append(r.Items, volume.Volume{Name: o.thing.ID.ValueString(), Labels: maps.Clone(o.labels)})
	}
	return r, nil
}

func (e *engine) ContainerCreate(_ context.Context, o moby.ContainerCreateOptions) (r moby.ContainerCreateResult, err error) {
	if err := e.call("write ledger"); err != nil {
		return r, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.find("container", o.Name) != nil {
		return r, fmt.Errorf("container name %q is taken: %w", o.Name, errs.ErrConflict)
	}
	r.ID = e.store("container", thing{Name: types.StringValue(o.Name)}, o.Config.Labels).thing.ID.ValueString()
	return r, nil
}

func (e *engine) ContainerRemove(_ context.Context, id string, _ moby.ContainerRemoveOptions) (r moby.ContainerRemoveResult, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.find("container", id) == nil {
		return r, errs.ErrNotFound
	}
	delete(e.objects, "container/"+id)
	return r, nil
}

func (e *engine) ContainerRename(_ context.Context, id string, o moby.ContainerRenameOptions) (r moby.ContainerRenameResult, err error) {
	return r, e.rename(id, o.NewName)
}

// The rest is of the lock, which these tests do not take.

func (e *engine) ContainerInspect(context.Context, string, moby.ContainerInspectOptions) (r moby.ContainerInspectResult, err error) {
	return r, errors.ErrUnsupported
}
func (e *engine) Events(context.Context, moby.EventsListOptions) moby.EventsResult {
	return moby.EventsResult{}
}
func (e *engine) ImageLoad(context.Context, io.Reader, ...moby.ImageLoadOption) (moby.ImageLoadResult, error) {
	return nil, errors.ErrUnsupported
}
func (e *engine) ImageRemove(context.Context, string, moby.ImageRemoveOptions) (r moby.ImageRemoveResult, err error) {
	return r, errors.ErrUnsupported
}

package observe

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"
	moby "github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/resources/contract"
)

// API is the part of an engine an inventory is made of.
type API interface {
	ContainerList(ctx context.Context, o moby.ContainerListOptions) (moby.ContainerListResult, error)
	NetworkList(ctx context.Context, o moby.NetworkListOptions) (moby.NetworkListResult, error)
	VolumeList(ctx context.Context, o moby.VolumeListOptions) (moby.VolumeListResult, error)
}

// Object is one object that is ours.
type Object struct {
	Address graph.Instance
	// From is the address in the record where a moved block names another one; else the zero value.
	From graph.Instance
	// ID is the object's id attribute: an id or, for volumes, images and tags, a name.
	ID string
	// Name is the object's name on the engine without slash; empty for what only the ledger knows.
	Name string
	// Created orders objects of the same address.
	Created time.Time
	Record  ownership.Record
	// Aside: the object stepped aside for a successor that was never confirmed.
	Aside bool
	// Labelled: the object itself says that it is ours; else only the ledger does.
	Labelled bool
}

// Taken is one thing somebody on the engine has.
type Taken struct {
	contract.Claim
	// Type and ID name the object: an id, of a volume its name.
	Type, ID string
	// By is the address of one of our objects, the zero value for a foreign one.
	By graph.Instance
	// Owner names the object for messages: `container "web" (1a2b3c4d5e6f)`.
	Owner string
}

// Foreign is an object of a type that is listed, of no project of cleat, and not the engine's own.
type Foreign struct {
	// Type is "docker_container". ID is the object's id, of a volume its name; Name may be empty.
	Type, ID, Name string
	// Anonymous: a volume that was made for one container, which gave it no name.
	Anonymous bool
}

// Inventory is an engine at one moment.
type Inventory struct {
	// Objects are ours, the newest of an address first.
	Objects []Object
	Taken   []Taken
	Foreign []Foreign
	Ledger  *ownership.Ledger
	// Vanished are the ids the ledger forgot of objects that are no longer there.
	Vanished []string
}

// Take lists an engine for a project.
func Take(ctx context.Context, api API, project string) (*Inventory, error) {
	var (
		containers moby.ContainerListResult
		networks   moby.NetworkListResult
		volumes    moby.VolumeListResult
	)
	calls, ctx := errgroup.WithContext(ctx)
	calls.Go(func() (err error) {
		containers, err = api.ContainerList(ctx, moby.ContainerListOptions{All: true})
		return wrap("containers", err)
	})
	calls.Go(func() (err error) {
		networks, err = api.NetworkList(ctx, moby.NetworkListOptions{})
		return wrap("networks", absent(err))
	})
	calls.Go(func() (err error) {
		volumes, err = api.VolumeList(ctx, moby.VolumeListOptions{})
		return wrap("volumes", absent(err))
	})
	if err := calls.Wait(); err != nil {
		return nil, err
	}
	t := taking{project: project, inventory: &Inventory{Ledger: ownership.NewLedger()}, listed: map[string]map[string]Object{
		containerType: {}, networkType: {}, volumeType: {},
	}}
	for _, c := range containers.Items {
		t.container(c)
	}
	for _, n := range networks.Items {
		t.network(n)
	}
	for _, v := range volumes.Items {
		t.volume(v)
	}
	t.ledger()
	return t.inventory, errors.Join(t.problems...)
}

func wrap(what string, err error) error {
	if err != nil {
		return fmt.Errorf("list of %s: %w", what, err)
	}
	return nil
}

// absent passes over calls an old engine does not have: what cannot be listed there cannot exist there.
func absent(err error) error {
	if errors.Is(err, errs.ErrInvalid) {
		return nil
	}
	return err
}

type taking struct {
	project   string
	inventory *Inventory
	// listed is everything on the engine of the types that are listed, by type and id.
	listed   map[string]map[string]Object
	problems []error
}

// The types whose objects are listed whole.
const (
	containerType = "docker_container"
	networkType   = "docker_network"
	volumeType    = "docker_volume"
)

func (t *taking) container(c container.Summary) {
	name := containerref.Name(c.Names)
	if ledger, err := t.inventory.Ledger.Found(t.project, c.ID, name, c.Labels); ledger || err != nil {
		t.problem(err)
		return
	}
	t.foreign(Foreign{Type: containerType, ID: c.ID, Name: name}, c.Labels)
	t.own(containerType, c.Labels, Object{ID: c.ID, Name: name, Created: time.Unix(c.Created, 0), Aside: strings.HasSuffix(name, contract.AsideSuffix)})
	of := Taken{Type: containerType, ID: c.ID, Owner: fmt.Sprintf("container %q (%.12s)", name, c.ID)}
	t.take(of, contract.ClaimContainerName, name, "")
	for _, p := range c.Ports {
		if p.PublicPort == 0 {
			continue
		}
		ip := ""
		if p.IP.IsValid() {
			ip = p.IP.String()
		}
		t.take(of, contract.ClaimHostPort, strconv.Itoa(int(p.PublicPort))+"/"+p.Type, ip)
	}
}

func (t *taking) network(n network.Summary) {
	if !predefined(n) {
		t.foreign(Foreign{Type: networkType, ID: n.ID, Name: n.Name}, n.Labels)
	}
	t.own(networkType, n.Labels, Object{ID: n.ID, Name: n.Name, Created: n.Created})
	t.take(Taken{Type: networkType, ID: n.ID, Owner: fmt.Sprintf("network %q (%.12s)", n.Name, n.ID)}, contract.ClaimNetworkName, n.Name, "")
}

func (t *taking) volume(v volume.Volume) {
	created, _ := time.Parse(time.RFC3339, v.CreatedAt)
	t.foreign(Foreign{Type: volumeType, ID: v.Name, Name: v.Name, Anonymous: anonymous(v)}, v.Labels)
	t.own(volumeType, v.Labels, Object{ID: v.Name, Name: v.Name, Created: created})
	t.take(Taken{Type: volumeType, ID: v.Name, Owner: fmt.Sprintf("volume %q", v.Name)}, contract.ClaimVolumeName, v.Name, "")
}

func (t *taking) take(of Taken, kind contract.ClaimKind, value, ip string) {
	of.Claim = contract.Claim{Kind: kind, Value: value, IP: ip}
	t.inventory.Taken = append(t.inventory.Taken, of)
}

// own adds the object when its labels say that it is ours.
func (t *taking) own(typ string, labels map[string]string, o Object) {
	t.listed[typ][o.ID] = o
	address, record, ok, err := ownership.Owned(t.project, labels)
	t.problem(err)
	if !ok || err != nil || address.Type != typ {
		return
	}
	o.Address, o.Record, o.Labelled = address, record, true
	t.inventory.Objects = append(t.inventory.Objects, o)
}

func (t *taking) problem(err error) {
	if err != nil {
		t.problems = append(t.problems, err)
	}
}

// exists reports whether an object of any type has been listed with the id.
func (t *taking) exists(id string) bool {
	for _, objects := range t.listed {
		if _, ok := objects[id]; ok {
			return true
		}
	}
	return false
}

// ledger adds what only the ledger knows, lets its newer records replace those in labels, and sorts.
func (t *taking) ledger() {
	inv := t.inventory
	inv.Objects = slices.DeleteFunc(inv.Objects, func(o Object) bool { return inv.Ledger.Forgotten[o.ID] })
	for id := range inv.Ledger.Forgotten {
		if !t.exists(id) {
			inv.Vanished = append(inv.Vanished, id)
		}
	}
	byID := make(map[string]int, len(inv.Objects))
	for i, o := range inv.Objects {
		byID[o.ID] = i
	}
	for text, record := range inv.Ledger.Records {
		address, err := graph.ParseInstance(text)
		if err != nil {
			t.problem(fmt.Errorf("ledger: %w", err))
			continue
		}
		if i, ok := byID[record.ID]; ok && inv.Objects[i].Labelled && inv.Objects[i].Address.Type == address.Type {
			inv.Objects[i].Record, inv.Objects[i].Address = record, address // moved or changed in place since
			continue
		}
		o := Object{}
		if listed, ok := t.listed[address.Type]; ok {
			if o, ok = listed[record.ID]; !ok {
				continue // it is gone
			}
		}
		o.Address, o.ID, o.Record = address, record.ID, record
		inv.Objects = append(inv.Objects, o)
		if old := record.Previous; old != nil {
			inv.Objects = append(inv.Objects, Object{Address: address, ID: old.ID, Record: *old, Aside: true})
		}
	}
	slices.SortFunc(inv.Objects, func(a, b Object) int {
		if c := a.Address.Compare(b.Address); c != 0 {
			return c
		}
		if a.Aside != b.Aside {
			if a.Aside {
				return 1
			}
			return -1
		}
		return b.Created.Compare(a.Created)
	})
	inv.Own()
}

// foreign notes what no project has.
func (t *taking) foreign(f Foreign, labels map[string]string) {
	if !ownership.Labelled(labels) {
		t.inventory.Foreign = append(t.inventory.Foreign, f)
	}
}

// predefined tells the networks an engine has by itself.
func predefined(n network.Summary) bool {
	return n.Ingress || slices.Contains([]string{"bridge", "host", "none", "podman", "docker_gwbridge"}, n.Name)
}

var anonymousName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// anonymous tells the volumes that were made for one container, which gave them no name.
func anonymous(v volume.Volume) bool {
	_, ok := v.Labels["com.docker.volume.anonymous"]
	return ok || anonymousName.MatchString(v.Name)
}

// Own says of everything that is taken which of our objects has it: at first, and after objects got other addresses.
func (inv *Inventory) Own() {
	type key struct{ typ, id string }
	ours := make(map[key]graph.Instance, len(inv.Objects))
	for _, o := range inv.Objects {
		ours[key{o.Address.Type, o.ID}] = o.Address
	}
	for i, t := range inv.Taken {
		inv.Taken[i].By = ours[key{t.Type, t.ID}]
	}
	inv.Foreign = slices.DeleteFunc(inv.Foreign, func(f Foreign) bool {
		_, adopted := ours[key{f.Type, f.ID}]
		return adopted
	})
}

// Listed reports whether an inventory lists all objects of a type, which then carry labels of ours.
func Listed(typ string) bool { return typ == containerType || typ == networkType || typ == volumeType }

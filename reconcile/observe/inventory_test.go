package observe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/volume"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/reconcile/observe"
	"github.com/cleat-dev/cleat/reconcile/ownership"
)

// lists is an engine that only lists.
type lists struct {
	containers []container.Summary
	networks   []network.Summary
	volumes    []volume.Volume

	noContainers, noVolumes error
}

func (l lists) ContainerList(context.Context, moby.ContainerListOptions) (moby.ContainerListResult, error) {
	return moby.ContainerListResult{Items: l.containers}, l.noContainers
}

func (l lists) NetworkList(context.Context, moby.NetworkListOptions) (moby.NetworkListResult, error) {
	return moby.NetworkListResult{Items: l.networks}, nil
}

func (l lists) VolumeList(context.Context, moby.VolumeListOptions) (moby.VolumeListResult, error) {
	return moby.VolumeListResult{Items: l.volumes}, l.noVolumes
}

// labels are those of an object of project p.
func labels(t *testing.T, address string, r ownership.Record) map[string]string {
	t.Helper()
	at, err := graph.ParseInstance(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ownership.Labels("p", at, r)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func box(id, name string, created int64, l map[string]string) container.Summary {
	return container.Summary{ID: id, Names: []string{"/other/alias", "/" + name}, Created: created, Labels: l}
}

func ledger(t *testing.T, generation int, l ownership.Ledger) container.Summary {
	t.Helper()
	body, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return box(fmt.Sprint("ledger", generation), "cleat-ledger-p", 1, map[string]string{
		ownership.LabelProject: "p", ownership.LabelSchema: "1", ownership.LabelLedger: fmt.Sprint(generation, " ", string(body)),
	})
}

// text is an inventory, a line for each object and each thing taken.
func text(inv *observe.Inventory) string {
	var b strings.Builder
	for _, o := range inv.Objects {
		fmt.Fprintf(&b, "%s id=%s name=%s needs=%v", o.Address, o.ID, o.Name, o.Record.Needs)
		for what, is := range map[string]bool{" aside": o.Aside, " labelled": o.Labelled} {
			if is && !(what == " labelled" && o.Aside) {
				b.WriteString(what)
			}
		}
		b.WriteString("\n")
	}
	for _, taken := range inv.Taken {
		fmt.Fprintf(&b, "%s %s%s: %s", taken.Kind, taken.IP, taken.Value, taken.Owner)
		if taken.By != (graph.Instance{}) {
			fmt.Fprintf(&b, " = %s", taken.By)
		}
		b.WriteString("\n")
	}
	for _, id := range inv.Vanished {
		fmt.Fprintf(&b, "vanished %s\n", id)
	}
	return b.String()
}

func TestTake(t *testing.T) {
	t.Parallel()
	web := labels(t, "docker_container.web", ownership.Record{Needs: []string{"docker_network.n"}})
	data := labels(t, "docker_volume.data", ownership.Record{})
	for name, c := range map[string]struct {
		engine lists
		want   string
	}{
		"nothing": {},
		"foreign": {
			lists{
				containers: []container.Summary{{ID: "c1", Names: []string{"/web"}, Ports: []container.PortSummary{
					{PrivatePort: 1, Type: "tcp"}, {IP: netip.MustParseAddr("127.0.0.1"), PrivatePort: 80, PublicPort: 8080, Type: "tcp"}, {PrivatePort: 53, PublicPort: 53, Type: "udp"},
				}}},
				networks: []network.Summary{{Network: network.Network{ID: "n1", Name: "net"}}}, volumes: []volume.Volume{{Name: "data"}},
			}, `
container name web: container "web" (c1)
host port 127.0.0.18080/tcp: container "web" (c1)
host port 53/udp: container "web" (c1)
network name net: network "net" (n1)
volume name data: volume "data"
`,
		},
		"ours, the newest first": {
			lists{containers: []container.Summary{box("c1", "web", 1, web), box("c2", "web2", 2, web)}}, `
docker_container.web id=c2 name=web2 needs=[docker_network.n] labelled
docker_container.web id=c1 name=web needs=[docker_network.n] labelled
container name web: container "web" (c1) = docker_container.web
container name web2: container "web2" (c2) = docker_container.web
`,
		},
		"the one aside last, however new": {
			lists{containers: []container.Summary{box("c1", "web.cleat-aside", 9, web), box("c2", "web", 2, web)}}, `
docker_container.web id=c2 name=web needs=[docker_network.n] labelled
docker_container.web id=c1 name=web.cleat-aside needs=[docker_network.n] aside
container name web.cleat-aside: container "web.cleat-aside" (c1) = docker_container.web
container name web: container "web" (c2) = docker_container.web
`,
		},
		"an address of another type is not ours": {
			lists{volumes: []volume.Volume{{Name: "data", Labels: web}}}, "volume name data: volume \"data\"\n",
		},
		"a record nobody can read": {
			lists{containers: []container.Summary{box("c1", "web", 1, map[string]string{
				ownership.LabelProject: "p", ownership.LabelAddress: "docker_container.web", ownership.LabelSchema: "1", ownership.LabelRecord: "{",
			})}},
			"docker_container.web id=c1 name=web needs=[] labelled\ncontainer name web: container \"web\" (c1) = docker_container.web\n",
		},
		"moved since its label": {
			lists{volumes: []volume.Volume{{Name: "data", Labels: data}}, containers: []container.Summary{ledger(t, 1, ownership.Ledger{Records: map[string]ownership.Record{
				"docker_volume.new": {ID: "data", Needs: []string{"docker_network.x"}},
			}})}},
			"docker_volume.new id=data name=data needs=[docker_network.x] labelled\nvolume name data: volume \"data\" = docker_volume.new\n",
		},
		"adopted, gone and unlisted ones of the ledger": {
			lists{volumes: []volume.Volume{{Name: "data"}}, containers: []container.Summary{ledger(t, 1, ownership.Ledger{Records: map[string]ownership.Record{
				"docker_volume.data": {ID: "data"}, "docker_volume.gone": {ID: "gone"}, "docker_image.i": {ID: "new", Previous: &ownership.Record{ID: "old"}},
			}})}}, `
docker_image.i id=new name= needs=[]
docker_image.i id=old name= needs=[] aside
docker_volume.data id=data name=data needs=[]
volume name data: volume "data" = docker_volume.data
`,
		},
		"forgotten": {
			lists{volumes: []volume.Volume{{Name: "data", Labels: data}}, containers: []container.Summary{ledger(t, 1, ownership.Ledger{Forgotten: map[string]bool{"data": true, "lost": true}})}},
			"volume name data: volume \"data\"\nvanished lost\n",
		},
		"of two ledgers the later counts": {
			lists{containers: []container.Summary{
				ledger(t, 2, ownership.Ledger{Records: map[string]ownership.Record{"docker_image.b": {ID: "b"}}}),
				ledger(t, 1, ownership.Ledger{Records: map[string]ownership.Record{"docker_image.a": {ID: "a"}}}),
			}},
			"docker_image.b id=b name= needs=[]\n",
		},
		"an engine that has no volumes": {lists{noVolumes: fmt.Errorf("volumes: %w", errs.ErrInvalid)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inv, err := observe.Take(t.Context(), c.engine, "p")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimLeft(c.want, "\n"), text(inv)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTakeRefuses(t *testing.T) {
	t.Parallel()
	newer := labels(t, "docker_container.web", ownership.Record{})
	newer[ownership.LabelSchema] = "2"
	lost := labels(t, "docker_container.web", ownership.Record{})
	lost[ownership.LabelAddress] = "docker_container"
	for want, engine := range map[string]lists{
		"list of containers: unavailable":         {noContainers: errs.ErrUnavailable},
		"upgrade":                                 {containers: []container.Summary{box("c1", "web", 1, newer)}},
		"label dev.cleat.address":                 {containers: []container.Summary{box("c1", "web", 1, lost)}},
		"does not begin with a generation":        {containers: []container.Summary{box("c1", "l", 1, map[string]string{ownership.LabelProject: "p", ownership.LabelLedger: "{}"})}},
		"what it recorded is treated as not ours": {containers: []container.Summary{box("c1", "l", 1, map[string]string{ownership.LabelProject: "p", ownership.LabelLedger: "1 {"})}},
		"ledger: ": {containers: []container.Summary{ledger(t, 1, ownership.Ledger{Records: map[string]ownership.Record{"nonsense": {}}})}},
	} {
		_, err := observe.Take(t.Context(), engine, "p")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, err := observe.Take(t.Context(), lists{noContainers: errs.ErrUnavailable}, "p"); !errors.Is(err, errs.ErrUnavailable) {
		t.Errorf("got %v, want its class", err)
	}
}

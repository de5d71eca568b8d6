package truth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/reconcile/plan"
	"github.com/cleat-dev/cleat/resources/contract"
	"github.com/cleat-dev/cleat/test/proxy"
)

// makings are the requests by which containers were made, by name.
type makings struct {
	mu    sync.Mutex
	found map[string]making
}

type making struct {
	url  string
	body []byte
}

// listen puts a proxy before the engine that keeps the requests by which containers are made.
func (b *bench) listen() *makings {
	b.Helper()
	all := &makings{found: map[string]making{}}
	between, err := proxy.Start(filepath.Join(b.TempDir(), "s"), b.engine.Host, func(r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/containers/create") {
			return
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err != nil {
			return // whoever sends it is told so
		}
		all.mu.Lock()
		defer all.mu.Unlock()
		all.found[r.URL.Query().Get("name")] = making{r.URL.String(), body}
	})
	b.must(err)
	b.Cleanup(func() { b.must(between.Close()) })
	b.catalog.Connection = func(types.Object) (client.Config, error) { return client.Config{Host: between.Host}, nil }
	return all
}

// until are the requests up to now.
func (m *makings) until() map[string]making {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.found)
}

// remade is the way from what was made by hand back to what is declared. Nothing is seen of what the engine does not tell.
var remade = phase{"made again", declaredB, declaredA, func(r row) effect {
	if r.hidden != "" && !r.told {
		return unseen
	}
	return r.change
}}

// madeAgain is what programs do that "edit" or update a container: they remove it and make another one of the name, with
// the labels it had. Here it is what was declared before, and it is not started. All of it is drift. ids are those of the
// containers, by group.
func (b *bench) madeAgain(groups []group, prefix string, before map[string]making, ids map[string]string) {
	b.Helper()
	again := map[string]bool{}
	for _, g := range groups {
		if slices.ContainsFunc(g.rows, func(r row) bool { return r.change == replaces }) { // else it was never made as it was declared before
			ids[g.name], again[g.name] = b.replay(prefix+g.name, before[prefix+g.name]), true
		}
	}
	begun := time.Now()
	made := b.apply()
	b.Logf("%s: %d containers, %s", remade.name, len(again), time.Since(begun).Round(time.Millisecond))
	for _, g := range groups {
		if !again[g.name] {
			continue
		}
		want := strings.Fields(g.expected(remade))
		for _, r := range g.rows {
			if remade.effect(r) == unseen {
				want = append(want, strings.Fields(r.also)...)
			}
		}
		if !slices.ContainsFunc(g.rows, func(r row) bool { return r.idle }) {
			want = append(want, "start")
		}
		slices.Sort(want)
		i := slices.IndexFunc(made.Steps, func(s *plan.Step) bool { return s.Address.Name == g.name })
		b.want(remade.name+", "+g.name, changes(made.Steps[i]), strings.Join(want, " "))
		for _, c := range made.Steps[i].Changes {
			if c.Cause != contract.Drift && c.Cause != contract.Image && c.Path != "upload_hash" { // a file of this machine
				b.Errorf("%s, %s: %s is of the %s, want drift", remade.name, g.name, c.Path, c.Cause)
			}
		}
		ids[g.name] = b.shown(prefix, g, remade, ids[g.name])
	}
	b.empty("the repair of what was made again")
}

// replay makes a container again by an earlier request, but for the labels cleat put on it since, and returns its id.
func (b *bench) replay(name string, from making) string {
	b.Helper()
	labels := b.inspect(name).Container.Config.Labels
	var body map[string]any
	b.must(json.Unmarshal(from.body, &body))
	theirs, _ := body["Labels"].(map[string]any)
	for label := range theirs {
		if strings.HasPrefix(label, ownership.Prefix) {
			theirs[label] = labels[label]
		}
	}
	text, err := json.Marshal(body)
	b.must(err)
	_, err = b.api.ContainerRemove(b.Context(), name, moby.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	b.must(err)
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://engine"+from.url, bytes.NewReader(text))
	b.must(err)
	request.Header.Set("Content-Type", "application/json")
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(b.engine.Host, "unix://"))
	}}}).Do(request)
	b.must(err)
	defer func() { _ = answer.Body.Close() }()
	if said, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusCreated {
		b.Fatalf("making %s again: %s: %s, %v", name, answer.Status, said, err)
	}
	return b.inspect(name).Container.ID
}

// TestMadeAgain: networks and volumes somebody removed and made again, with the labels they had and everything else
// otherwise, their names too, are made as declared.
func TestMadeAgain(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		one, two, six := b.engine.Subnet(16), b.engine.Subnet(17), sixes(b, 18)
		words := strings.NewReplacer("{p}", b.project, "{subnet}", one.String(), "{host}", addresses(b, 16), "{six}", six+":/64")
		b.write(b.only(words.Replace(`
resource "docker_network" "a" {
  name     = "{p}-a"
  internal = true
  @dockerd,cleatd attachable   = true
  options  = { "com.docker.network.driver.mtu" = "1400" }
  @dockerd,cleatd ipam_options = { k = "1" }
  ipam_config {
    subnet   = "{subnet}"
    ip_range = "{host}.64/26"
    gateway  = "{host}.2"
    @dockerd,cleatd aux_address = { host = "{host}.5" }
  }
  labels {
    label = "x"
    value = "1"
  }
}
resource "docker_network" "six" {
  name = "{p}-six"
  ipv6 = true
  ipam_config { subnet = "{six}" }
}
resource "docker_volume" "a" {
  name        = "{p}-a"
  driver_opts = { type = "tmpfs", device = "tmpfs", o = "nodev" }
  labels {
    label = "x"
    value = "1"
  }
}
resource "docker_volume" "b" { name = "{p}-b" }
`)))
		b.Cleanup(b.destroy)
		b.apply()
		b.empty("creation")
		b.networkAgain(b.project+"-a", b.project+"-a", moby.NetworkCreateOptions{
			Options: map[string]string{"com.docker.network.driver.mtu": "1450"}, Labels: map[string]string{"y": "2"},
			IPAM: &network.IPAM{Options: map[string]string{"k": "2"}, Config: []network.IPAMConfig{{
				Subnet: two, IPRange: netip.PrefixFrom(netip.MustParseAddr(addresses(b, 17)+".128"), 26), Gateway: netip.MustParseAddr(addresses(b, 17) + ".3"),
				AuxAddress: map[string]netip.Addr{"host": netip.MustParseAddr(addresses(b, 17) + ".6")},
			}}},
		})
		b.networkAgain(b.project+"-six", b.project+"-other", moby.NetworkCreateOptions{})
		b.volumeAgain(b.project+"-b", b.project+"-other", moby.VolumeCreateOptions{})
		b.volumeAgain(b.project+"-a", b.project+"-a", moby.VolumeCreateOptions{DriverOpts: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "noexec"}, Labels: map[string]string{"y": "2"}})
		made := "docker_network.a replace attachable!(drift) internal!(drift) ipam!(drift) ipam_config(drift) ipam_options!(drift) labels!(drift) options!(drift)\n"
		if b.podman() {
			made = "docker_network.a replace internal!(drift) ipam!(drift) ipam_config(drift) labels!(drift) options!(drift)\n"
		}
		b.want("made again", b.apply().String(), made+
			"docker_network.six replace ipam!(drift) ipam_config(drift) ipv6!(drift) name!(drift)\n"+
			"docker_volume.a replace driver_opts!(drift) labels!(drift)\ndocker_volume.b replace name!(drift)\n")
		b.empty("the repair")
	})
}

// networkAgain puts another network in the place of one, of that name or another, with the labels cleat gave that one.
func (b *bench) networkAgain(name, now string, options moby.NetworkCreateOptions) {
	b.Helper()
	found, err := b.api.NetworkInspect(b.Context(), name, moby.NetworkInspectOptions{})
	b.must(err)
	options.Labels = ours(found.Network.Labels, options.Labels)
	_, err = b.api.NetworkRemove(b.Context(), name, moby.NetworkRemoveOptions{})
	b.must(err)
	b.make(now, options)
}

// volumeAgain is the same with a volume.
func (b *bench) volumeAgain(name, now string, options moby.VolumeCreateOptions) {
	b.Helper()
	found, err := b.api.VolumeInspect(b.Context(), name, moby.VolumeInspectOptions{})
	b.must(err)
	options.Name, options.Labels = now, ours(found.Volume.Labels, options.Labels)
	_, err = b.api.VolumeRemove(b.Context(), name, moby.VolumeRemoveOptions{})
	b.must(err)
	_, err = b.api.VolumeCreate(b.Context(), options)
	b.must(err)
}

// ours are the labels cleat gave an object, and others.
func ours(had, others map[string]string) map[string]string {
	labels := maps.Clone(had)
	maps.DeleteFunc(labels, func(name, _ string) bool { return !strings.HasPrefix(name, ownership.Prefix) })
	maps.Copy(labels, others)
	return labels
}

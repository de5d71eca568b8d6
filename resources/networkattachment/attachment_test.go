package networkattachment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	mobycontainer "github.com/moby/moby/api/types/container"
	mobynetwork "github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/client"
	"github.com/cleat-dev/cleat/internal/endpoint"
	"github.com/cleat-dev/cleat/resources/contract"
)

var _ API = (*client.Client)(nil)

var (
	webID = strings.Repeat("a1", 32)
	dbID  = strings.Repeat("b2", 32)
	netID = strings.Repeat("c3", 32)
)

// engine has two containers and a network, and writes down what it is asked.
type engine struct {
	networks map[string]string // name -> id
	ids      map[string]string // name of a container -> id
	joined   map[string]map[string]*mobynetwork.EndpointSettings
	// podman gives names of networks for their ids and does not tell driver options.
	podman bool
	// refuses is what connecting fails with.
	refuses error
	calls   []string
}

func newEngine() *engine {
	return &engine{
		networks: map[string]string{"app": netID}, ids: map[string]string{"web": webID, "db": dbID},
		joined: map[string]map[string]*mobynetwork.EndpointSettings{webID: {}, dbID: {}},
	}
}

func (e *engine) container(ref string) (name, id string, err error) {
	for name, id := range e.ids {
		if ref == name || ref == id {
			return name, id, nil
		}
	}
	return "", "", fmt.Errorf("no such container: %s: %w", ref, errs.ErrNotFound)
}

func (e *engine) network(ref string) (name, id string, err error) {
	for name, id := range e.networks {
		if ref == name || strings.HasPrefix(id, ref) {
			return name, id, nil
		}
	}
	return "", "", fmt.Errorf("network %s not found: %w", ref, errs.ErrNotFound)
}

func (e *engine) ContainerInspect(_ context.Context, ref string, _ moby.ContainerInspectOptions) (moby.ContainerInspectResult, error) {
	e.calls = append(e.calls, "inspect")
	name, id, err := e.container(ref)
	if err != nil {
		return moby.ContainerInspectResult{}, err
	}
	c := mobycontainer.InspectResponse{ID: id, Name: "/" + name, Config: &mobycontainer.Config{Hostname: "host-" + name}}
	c.NetworkSettings = &mobycontainer.NetworkSettings{Networks: map[string]*mobynetwork.EndpointSettings{}}
	if e.podman {
		c.Config.Env = []string{"container=podman"}
	}
	for network, settings := range e.joined[id] {
		copied := *settings
		copied.Aliases = append(slices.Clone(settings.Aliases), id[:12])
		if copied.NetworkID = e.networks[network]; e.podman {
			copied.NetworkID, copied.DriverOpts, copied.IPAMConfig = network, nil, nil
		}
		c.NetworkSettings.Networks[network] = &copied
	}
	return moby.ContainerInspectResult{Container: c}, nil
}

func (e *engine) NetworkInspect(_ context.Context, ref string, _ moby.NetworkInspectOptions) (moby.NetworkInspectResult, error) {
	e.calls = append(e.calls, "network")
	name, id, err := e.network(ref)
	var r moby.NetworkInspectResult
	r.Network.Name, r.Network.ID = name, id
	return r, err
}

func (e *engine) NetworkConnect(_ context.Context, ref string, o moby.NetworkConnectOptions) (moby.NetworkConnectResult, error) {
	name, id, err := e.container(o.Container)
	if err != nil {
		return moby.NetworkConnectResult{}, err
	}
	network, _, err := e.network(ref)
	if err != nil {
		return moby.NetworkConnectResult{}, err
	}
	if e.refuses != nil {
		return moby.NetworkConnectResult{}, e.refuses
	}
	e.calls = append(e.calls, "connect "+name+" "+network)
	if e.joined[id][network] != nil {
		return moby.NetworkConnectResult{}, fmt.Errorf("endpoint with name %s already exists in network %s: %w", name, network, errs.ErrInvalid)
	}
	settings := *o.EndpointConfig
	if settings.IPAMConfig != nil {
		settings.IPAddress = settings.IPAMConfig.IPv4Address
	}
	e.joined[id][network] = &settings
	return moby.NetworkConnectResult{}, nil
}

func (e *engine) NetworkDisconnect(_ context.Context, ref string, o moby.NetworkDisconnectOptions) (moby.NetworkDisconnectResult, error) {
	name, id, err := e.container(o.Container)
	if err != nil {
		return moby.NetworkDisconnectResult{}, err
	}
	network, _, err := e.network(ref)
	if err != nil {
		return moby.NetworkDisconnectResult{}, err
	}
	e.calls = append(e.calls, "disconnect "+name+" "+network)
	if e.joined[id][network] == nil {
		return moby.NetworkDisconnectResult{}, fmt.Errorf("container %s is not connected to network %s: %w", id, network, errs.ErrInternal)
	}
	delete(e.joined[id], network)
	return moby.NetworkDisconnectResult{}, nil
}

func host(t *testing.T) contract.Resource {
	t.Helper()
	r, err := contract.Host(t.Context(), Type{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

type config = map[string]attr.Value

func object(t *testing.T, r contract.Resource, values config) types.Object {
	t.Helper()
	all := r.Node().Empty()
	for name, v := range values {
		all[name] = v
	}
	o, err := r.Node().Object(all)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func str(s string) attr.Value { return types.StringValue(s) }

func strs(all ...string) attr.Value {
	var values []attr.Value
	for _, s := range all {
		values = append(values, str(s))
	}
	return types.SetValueMust(types.StringType, values)
}

func plan(t *testing.T, r contract.Resource, e *engine, config, observed types.Object) contract.Plan {
	t.Helper()
	if d := r.Validate(t.Context(), config); d.HasError() {
		t.Fatal(d)
	}
	p, err := r.Plan(t.Context(), e, contract.Request{Config: config, Observed: observed})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func changes(all contract.Changes) string {
	var words []string
	for _, c := range all {
		words = append(words, c.Path+" "+c.Effect.String())
	}
	return strings.Join(words, ", ")
}

// create makes the attachment of a configuration and reads it.
func create(t *testing.T, r contract.Resource, e *engine, c config) types.Object {
	t.Helper()
	p := plan(t, r, e, object(t, r, c), r.Node().Null())
	made, err := r.Create(t.Context(), e, p.Planned)
	if err != nil {
		t.Fatal(err)
	}
	observed, err := r.Read(t.Context(), e, made)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(p.Planned, observed); err != nil {
		t.Error(err)
	}
	return observed
}

var rich = config{
	"container": str("web"), "network": str("app"), "aliases": strs("www", "front"), "driver_opts": strs("a=b"), "ipv4_address": str("10.0.0.7"),
	"ipv6_address": str("[FD00::07]"), "link_local_ips": strs("169.254.1.1"), "mac_address": str("02-42-0A-00-00-07"), "gw_priority": types.Int64Value(3),
}

func with(name string, v attr.Value) config {
	c := config{}
	for n, v := range rich {
		c[n] = v
	}
	c[name] = v
	return c
}

func TestPlans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		disturb func(e *engine)
		config  config
		plan    string
	}{
		"nothing":           {nil, rich, ""},
		"other aliases":     {nil, with("aliases", strs("www")), "aliases replace"},
		"no aliases":        {nil, with("aliases", types.SetNull(types.StringType)), "aliases replace"},
		"other address":     {nil, with("ipv4_address", str("10.0.0.8")), "ipv4_address replace"},
		"address spelled":   {nil, with("ipv6_address", str("fd00::7")), ""},
		"other MAC":         {nil, with("mac_address", str("02:42:0a:00:00:08")), "mac_address replace"},
		"other options":     {nil, with("driver_opts", strs("a=c")), "driver_opts replace"},
		"other priority":    {nil, with("gw_priority", types.Int64Value(4)), "gw_priority replace"},
		"other container":   {nil, with("container", str("db")), "container update, container_id replace"},
		"container by id":   {nil, with("container", str(webID)), "container update"},
		"container to come": {nil, with("container", types.StringUnknown()), "container update, container_id replace"},
		"container missing": {nil, with("container", str("later")), "container update, container_id replace"},
		"network by id":     {nil, with("network", str(netID)), "network update"},
		"network by prefix": {nil, with("network", str(netID[:12])), "network update"},
		"other network":     {nil, with("network", str("back")), "network update, network_name replace"},
		"network to come":   {nil, with("network", types.StringUnknown()), "network update, network_name replace"},
		"connected by hand": {func(e *engine) { e.joined[webID]["app"] = &mobynetwork.EndpointSettings{Aliases: []string{"x"}} }, rich,
			"aliases replace, driver_opts replace, gw_priority replace, link_local_ips replace"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, e := host(t), newEngine()
			observed := create(t, r, e, rich)
			if got := e.joined[webID]["app"].Aliases; !slices.Contains(got, endpoint.Mark) {
				t.Fatalf("not marked: %v", got)
			}
			if c.disturb != nil {
				c.disturb(e)
				var err error
				if observed, err = r.Read(t.Context(), e, observed); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.plan, changes(plan(t, r, e, object(t, r, c.config), observed).Changes)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// An engine that tells less is not taken to have less.
func TestPodman(t *testing.T) {
	t.Parallel()
	r, e := host(t), newEngine()
	e.podman = true
	byID := config{"container": str(webID), "network": str(netID), "aliases": strs("www"), "driver_opts": strs("a=b"), "ipv4_address": str("10.0.0.7")}
	observed := create(t, r, e, byID)
	if got := changes(plan(t, r, e, object(t, r, byID), observed).Changes); got != "" {
		t.Errorf("plan: %s", got)
	}
	if got := observed.Attributes()["network_name"]; !got.Equal(str("app")) {
		t.Errorf("network_name %s", got)
	}
}

// A plan of what is called by id and name as examples do asks once: for the container.
func TestCalls(t *testing.T) {
	t.Parallel()
	r, e := host(t), newEngine()
	c := config{"container": str(webID), "network": str("app")}
	observed := create(t, r, e, c)
	e.calls = nil
	observed, err := r.Read(t.Context(), e, observed)
	if err != nil {
		t.Fatal(err)
	}
	plan(t, r, e, object(t, r, c), observed)
	if err := r.Delete(t.Context(), e, observed); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"inspect", "disconnect web app"}, e.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestGone(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(e *engine){
		"disconnected":   func(e *engine) { delete(e.joined[webID], "app") },
		"container gone": func(e *engine) { delete(e.ids, "web") },
		"network gone":   func(e *engine) { delete(e.joined[webID], "app"); delete(e.networks, "app") },
		"made anew":      func(e *engine) { e.ids["web"], e.joined["new"] = "new", nil },
	} {
		for _, network := range []string{"app", netID} {
			r, e := host(t), newEngine()
			observed := create(t, r, e, config{"container": str("web"), "network": str(network)})
			disturb(e)
			if _, err := r.Read(t.Context(), e, observed); !errors.Is(err, errs.ErrNotFound) {
				t.Errorf("%s: read: %v", name, err)
			}
			if err := r.Delete(t.Context(), e, observed); err != nil {
				t.Errorf("%s: delete: %v", name, err)
			}
		}
	}
}

func TestConnectErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		container, network string
		refuses            error
		path, text         string
		class              error
	}{
		"connected already": {"web", "app", fmt.Errorf("endpoint with name web already exists in network app: %w", errs.ErrInvalid), "network", "import it (terraform import, cleat adopt) as web:app", errs.ErrConflict},
		"podman's words":    {"web", "app", fmt.Errorf(`container c is already connected to network "app": network is already connected: %w`, errs.ErrInternal), "network", "declare it once", errs.ErrConflict},
		"no container":      {"cache", "app", nil, "container", `no container "cache"`, errs.ErrNotFound},
		"no network":        {"web", "back", nil, "network", `no network "back"`, errs.ErrNotFound},
		"host mode":         {"web", "app", fmt.Errorf("container sharing network namespace with another container or host cannot be connected to any other network: %w", errs.ErrInvalid), "container", "give it another network_mode", errs.ErrInvalid},
		"podman host mode":  {"web", "app", fmt.Errorf(`"" is not supported: invalid network mode: %w`, errs.ErrInternal), "container", "give it another network_mode", errs.ErrInternal},
		"other":             {"web", "app", errs.ErrUnavailable, "", `connecting container "web" to network "app"`, errs.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine()
			e.refuses = c.refuses
			_, err := Type{}.Create(t.Context(), e, Model{Container: types.StringValue(c.container), Network: types.StringValue(c.network)})
			path, below := contract.PathOf(err)
			if path != c.path || errs.Class(err) != c.class || !strings.Contains(below.Error(), c.text) {
				t.Errorf("at %q, class %v: %v", path, errs.Class(err), err)
			}
		})
	}
}

// An engine that refuses to disconnect what is connected is not passed over.
func TestDeleteFails(t *testing.T) {
	t.Parallel()
	r, e := host(t), newEngine()
	observed := create(t, r, e, rich)
	if err := r.Delete(t.Context(), stubborn{e}, observed); !errors.Is(err, errs.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

type stubborn struct{ *engine }

func (stubborn) NetworkDisconnect(context.Context, string, moby.NetworkDisconnectOptions) (moby.NetworkDisconnectResult, error) {
	return moby.NetworkDisconnectResult{}, errs.ErrUnavailable
}

func TestImport(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"web:app", webID + ":" + netID, "web:" + netID} {
		r, e := host(t), newEngine()
		create(t, r, e, config{"container": str("web"), "network": str("app"), "aliases": strs("www")})
		imported, err := r.Import(t.Context(), e, id)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		container, network, _ := strings.Cut(id, ":")
		p := plan(t, r, e, object(t, r, config{"container": str(container), "network": str(network), "aliases": strs("www")}), imported)
		if got := changes(p.Changes); got != "" {
			t.Errorf("%s: plan after import: %s", id, got)
		}
	}
	for id, class := range map[string]error{"web": errs.ErrInvalid, ":app": errs.ErrInvalid, "web:": errs.ErrInvalid, "db:app": errs.ErrNotFound, "cache:app": errs.ErrNotFound} {
		if _, err := host(t).Import(t.Context(), newEngine(), id); errs.Class(err) != class {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	r := host(t)
	for name, v := range map[string]attr.Value{
		"container": str(""), "network": str("host"), "ipv4_address": str("fd00::1"), "ipv6_address": str("10.0.0.1"), "mac_address": str("x"),
		"driver_opts": strs("=b"), "link_local_ips": strs("x"), "aliases": strs(endpoint.Mark),
	} {
		d := r.Validate(t.Context(), object(t, r, with(name, v)))
		if !d.HasError() || !strings.HasPrefix(d.Errors()[0].(interface{ Summary() string }).Summary(), "Invalid") {
			t.Errorf("%s = %s: %v", name, v, d)
		}
	}
	if d := r.Validate(t.Context(), object(t, r, rich)); d.HasError() {
		t.Error(d)
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	want := []contract.Claim{
		{Kind: contract.ClaimConnection, Value: "web:app", Path: "network"},
		{Kind: contract.ClaimAddress, Value: "app", IP: "10.0.0.7", Path: "ipv4_address"},
	}
	got := Type{}.Claims(Model{Container: types.StringValue("web"), Network: types.StringValue("app"), IPv4Address: types.StringValue("10.0.0.7")})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := (Type{}).Claims(Model{Container: types.StringUnknown(), Network: types.StringValue("app")}); got != nil {
		t.Errorf("an unknown container claims %v", got)
	}
}

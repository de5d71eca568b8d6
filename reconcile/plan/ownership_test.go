package plan_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"

	"github.com/cleat-dev/cleat/reconcile/ownership"
	"github.com/cleat-dev/cleat/resources/contract"
)

func vol(address, extra string) string {
	return "resource \"docker_volume\" \"" + address + "\" {\n name = \"data\"\n" + extra + "\n}\n"
}

func moved(from, to string) string { return "moved {\n from = " + from + "\n to = " + to + "\n}\n" }

func TestMoved(t *testing.T) {
	in := func(extra string) string {
		return "module \"m\" {\n source = \"./m\"\n" + extra + "\n}\n-- m/main.tf --\n" + vol("data", "")
	}
	scenarios(t, map[string]scenario{
		"block":            {had: vol("old", ""), now: vol("data", "") + moved("docker_volume.old", "docker_volume.data"), want: "docker_volume.data no-op moved from docker_volume.old\n"},
		"block and change": {had: vol("old", ""), now: vol("data", "size = 2") + moved("docker_volume.old", "docker_volume.data"), want: "docker_volume.data update moved from docker_volume.old size(configuration)\n"},
		"chain": {
			had: vol("a", ""), now: vol("c", "") + moved("docker_volume.a", "docker_volume.b") + moved("docker_volume.b", "docker_volume.c"),
			want: "docker_volume.c no-op moved from docker_volume.a\n",
		},
		"to an instance":   {had: vol("data", ""), now: vol("data", "count = 1"), want: "docker_volume.data[0] no-op moved from docker_volume.data\n"},
		"from an instance": {had: vol("data", "count = 1"), now: vol("data", ""), want: "docker_volume.data no-op moved from docker_volume.data[0]\n"},
		"into a module":    {had: vol("data", ""), now: moved("docker_volume.data", "module.m.docker_volume.data") + in(""), want: "module.m.docker_volume.data no-op moved from docker_volume.data\n"},
		"module instance":  {had: in("for_each = toset([\"a\"])"), now: moved(`module.m["a"]`, `module.m["b"]`) + in("for_each = toset([\"b\"])"), want: "module.m[\"b\"].docker_volume.data no-op moved from module.m[\"a\"].docker_volume.data\n"},
		"to an occupied address": {
			had: vol("data", "") + strings.Replace(vol("old", ""), `"data"`, `"olddata"`, 1), now: vol("data", "") + moved("docker_volume.old", "docker_volume.data"),
			want: "docker_volume.old delete: no longer declared\n",
		},
		"of what only the ledger knows": {had: `resource "docker_mould" "a" { name = "m" }`, now: `resource "docker_mould" "b" { name = "m" }` + "\n" + moved("docker_mould.a", "docker_mould.b"), want: "docker_mould.b no-op moved from docker_mould.a\n"},
		"and replaced": {
			had: vol("old", ""), now: strings.Replace(vol("data", ""), `"data"`+"\n", "\"data2\"\n", 1) + moved("docker_volume.old", "docker_volume.data"),
			want: "docker_volume.data replace moved from docker_volume.old name!(configuration)\n",
		},
		"and replaced with its name": {
			had: vol("old", ""), now: vol("data", "color = \"red\"") + moved("docker_volume.old", "docker_volume.data"),
			want: "docker_volume.data replace moved from docker_volume.old color!(configuration)\n",
		},
		"away": {had: vol("old", ""), now: moved("docker_volume.old", "docker_volume.data"), want: "docker_volume.data delete: no longer declared\n"},
	})
}

// What moved in an apply before is known at its new address, whatever its label says.
func TestMovedBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(vol("old", ""), options{})
	w.run(vol("data", "")+moved("docker_volume.old", "docker_volume.data"), options{})
	red := vol("data", "color = \"red\"")
	want(t, "replaced later", w.plan(red, options{}).text(), "docker_volume.data replace color!(configuration)\n")
	w.run(red, options{})
	want(t, "its new label says it", w.ledger(), "")
}

func TestRemovedStaysForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(vol("data", "")+`resource "docker_mould" "m" { name = "m" }`, options{})
	gone := "removed {\n from = docker_volume.data\n lifecycle { destroy = false }\n}\nremoved {\n from = docker_mould.m\n lifecycle { destroy = false }\n}\n"
	want(t, "forget", w.plan(gone, options{}).text(), `
docker_mould.m forget: a removed block says to leave it
docker_volume.data forget: a removed block says to leave it
`)
	end := w.run(gone, options{})
	want(t, "calls", strings.Join(end.calls, "\n"), "write ledger")
	want(t, "ledger", w.ledger(), "forgotten data\n")
	want(t, "living", w.engine("").living(), "mould sha:m (m)\nvolume data (data)\n")
	want(t, "later", w.plan("locals {}", options{}).text(), "")
	want(t, "declared again", w.plan(vol("data", ""), options{}).text(),
		"Conflict: docker_volume.data: name: volume name \"data\" is taken by volume \"data\", which is not managed here. Choose another, remove it, or take it over: cleat adopt 'docker_volume.data' data\n")
	w.run(vol("data", "")+"import {\n to = docker_volume.data\n id = \"data\"\n}\n", options{})
	want(t, "ours again", w.plan(vol("data", ""), options{}).text(), "")
	want(t, "with destroy = true", w.plan("removed {\n from = docker_volume.data\n lifecycle { destroy = true }\n}\n", options{}).text(), "docker_volume.data delete: no longer declared\n")
}

func TestImports(t *testing.T) {
	imported := func(address, id string) string { return "import {\n to = " + address + "\n id = \"" + id + "\"\n}\n" }
	there := func(w *world) {
		w.engine("").foreign("volume", thing{Name: types.StringValue("data"), Size: types.Int64Value(1)})
		w.engine("").foreign("mould", thing{Name: types.StringValue("m")})
	}
	scenarios(t, map[string]scenario{
		"as declared":   {since: there, now: vol("data", "size = 1") + imported("docker_volume.data", "data"), want: "docker_volume.data no-op adopting data\n"},
		"with a change": {since: there, now: vol("data", "size = 2") + imported("docker_volume.data", "data"), want: "docker_volume.data update adopting data size(configuration)\n"},
		"replaced":      {since: there, now: vol("data", "size = 1\ncolor = \"red\"") + imported("docker_volume.data", "data"), want: "docker_volume.data replace adopting data color!(configuration)\n"},
		"mould":         {since: there, now: `resource "docker_mould" "m" { name = "m" }` + "\n" + imported("docker_mould.m", "m"), want: "docker_mould.m no-op adopting m\n"},
		"missing":       {now: vol("data", "") + imported("docker_volume.data", "data"), want: "Not found: docker_volume.data: import \"data\": volume \"data\": not found.\n"},
		"unknown instance": {
			since: there, now: vol("data", "count = 1\nsize = 1") + imported("docker_volume.data[1]", "data"),
			want: "Conflict: docker_volume.data[0]: name: volume name \"data\" is taken by volume \"data\", which is not managed here. Choose another, remove it, or take it over: cleat adopt 'docker_volume.data[0]' data\n" +
				"Import to an undeclared address: There is no docker_volume.data[1] in the configuration. Declare it, or correct the address in \"to\".\n",
		},
		"ours already": {had: vol("data", ""), now: vol("data", "") + imported("docker_volume.data", "data")},
		"ours at another address": {
			had: vol("old", ""), now: vol("data", "") + imported("docker_volume.data", "data"),
			want: "Not adopted: docker_volume.data: The object is docker_volume.old already. To give it this address: moved { from = docker_volume.old, to = docker_volume.data }.\n",
		},
	})
}

func TestOrphansAndDeposed(t *testing.T) {
	again := func(aside bool) func(w *world) {
		return func(w *world) {
			e := w.engine("")
			old := e.find("container", "web")
			if aside {
				old.thing.Name = types.StringValue("web" + contract.AsideSuffix)
			}
			m := old.thing
			m.Name = types.StringValue("web")
			if !aside {
				m.Name = types.StringValue("web2")
			}
			e.store("container", m, maps.Clone(old.labels))
		}
	}
	scenarios(t, map[string]scenario{
		"left aside": {had: declared, since: again(true), want: "docker_container.web delete: left behind by an interrupted replacement\n"},
		"two of one address": {had: strings.Replace(declared, `name = "web"`, "name = \"web2\"", 1), since: func(w *world) {
			e := w.engine("")
			m := e.find("container", "web2").thing
			m.Name = types.StringValue("web3")
			e.store("container", m, maps.Clone(e.find("container", "web2").labels)).created = -1
		}, want: "docker_container.web delete: left behind by an interrupted replacement\n"},
		"only the one aside": {had: declared, since: func(w *world) {
			w.engine("").change("container", "web", func(m *thing) { m.Name = types.StringValue("web" + contract.AsideSuffix) })
		}, want: "docker_container.web replace name!(drift)\n"},
		"aside of nothing declared": {had: declared, since: again(true), now: "locals {}", want: `
docker_container.web delete: no longer declared
docker_container.web delete: no longer declared
docker_network.front delete: no longer declared
`},
		"aside, destroy": {had: declared, since: again(true), o: options{destroy: true}, want: `
docker_container.web delete
docker_container.web delete
docker_network.front delete
`},
		"another project's": {had: declared, since: func(w *world) {
			for _, o := range w.engine("").objects {
				if o.labels != nil {
					o.labels[ownership.LabelProject] = "other"
				}
			}
		}, now: "locals {}"},
	})
}

func TestClaims(t *testing.T) {
	ports := func(name, ip, port string) string {
		return "resource \"docker_container\" \"" + name + "\" {\n name = \"" + name + "\"\n ports {\n internal = 80\n external = " + port + "\n ip = " + ip + "\n }\n}\n"
	}
	foreign := func(ip types.String) func(*world) {
		return func(w *world) {
			w.engine("").foreign("container", thing{Name: types.StringValue("alien"), Ports: contract.BlocksOf(port{Internal: types.Int64Value(1), External: types.Int64Value(8080), IP: ip})})
		}
	}
	network := func(address string) string {
		return "resource \"docker_network\" \"" + address + "\" {\n name = \"n\"\n}\n"
	}
	tag := func(more string) string {
		return "resource \"docker_tag\" \"t\" {\n name = \"app:1\"\n" + more + "\n}\n"
	}
	const before = "lifecycle {\n create_before_destroy = true\n }"
	const taken = "Conflict: docker_container.b: ports[0].external: host port \"8080/tcp\" is also taken by docker_container.a. Give one of them another.\n"
	const alien = "Conflict: docker_container.a: ports[0].external: host port \"8080/tcp\" is taken by container \"alien\" (alien-1), which is not managed here. Choose another, or stop what has it.\n"
	both := "docker_container.a create: does not exist\ndocker_container.b create: does not exist\n"
	scenarios(t, map[string]scenario{
		"two names": {
			now:  vol("a", "") + vol("b", ""),
			want: "Conflict: docker_volume.b: name: volume name \"data\" is also taken by docker_volume.a. Give one of them another.\n",
		},
		"names of other kinds": {now: vol("a", "") + "resource \"docker_network\" \"n\" {\n name = \"data\"\n}\n", want: "docker_network.n create: does not exist\ndocker_volume.a create: does not exist\n"},
		"same port":            {now: ports("a", "null", "8080") + ports("b", "null", "8080"), want: taken},
		"wildcard and address": {now: ports("a", `"127.0.0.1"`, "8080") + ports("b", `"0.0.0.0"`, "8080"), want: taken},
		"two addresses":        {now: ports("a", `"127.0.0.1"`, "8080") + ports("b", `"127.0.0.2"`, "8080"), want: both},
		"two ports":            {now: ports("a", "null", "8080") + ports("b", "null", "8081"), want: both},
		"foreign name": {
			since: func(w *world) { w.engine("").foreign("volume", thing{Name: types.StringValue("data")}) }, now: vol("a", ""),
			want: "Conflict: docker_volume.a: name: volume name \"data\" is taken by volume \"data\", which is not managed here. Choose another, remove it, or take it over: cleat adopt 'docker_volume.a' data\n",
		},
		"foreign port":                    {since: foreign(types.StringNull()), now: ports("a", `"127.0.0.1"`, "8080"), want: alien},
		"foreign port of another address": {since: foreign(types.StringValue("10.0.0.1")), now: ports("a", `"127.0.0.1"`, "8080"), want: "docker_container.a create: does not exist\n"},
		"foreign port, what runs is left": {had: ports("a", "null", "8080"), since: foreign(types.StringNull())},
		"foreign port, change":            {had: ports("a", "null", "8081"), since: foreign(types.StringNull()), now: ports("a", "null", "8080"), want: alien},
		"own one leaves":                  {had: ports("a", "null", "8080"), now: ports("b", "null", "8080"), want: "docker_container.a delete: no longer declared\ndocker_container.b create: does not exist\n"},
		"own one leaves last": {
			had: network("front") + "resource \"docker_container\" \"web\" {\n name = \"web\"\n uses = [docker_network.front.name]\n}\n",
			now: network("back") + "resource \"docker_container\" \"web\" {\n name = \"web\"\n uses = [docker_network.back.name]\n}\n",
			want: "Conflict: docker_network.back: name: network name \"n\" is taken by docker_network.front, which is declared no longer but goes last, because docker_container.web was made from it. " +
				"If it is the same object, say so: moved { from = docker_network.front, to = docker_network.back }. Else choose another, or remove one before.\n",
		},
		"own one keeps it": {
			had: vol("a", ""), now: vol("a", "") + "resource \"docker_volume\" \"b\" {\n name = docker_volume.a.name\n}\n",
			want: "Conflict: docker_volume.b: name: volume name \"data\" is also taken by docker_volume.a. Give one of them another.\n",
		},
		"own ones swap ports": {
			had: ports("a", "null", "8080") + ports("b", "null", "8081"), now: ports("a", "null", "8081") + ports("b", "null", "8080"),
			want: "docker_container.a replace ports!(configuration)\ndocker_container.b replace ports!(configuration)\n",
		},
		"the new one first, same name": {
			had: vol("a", before), now: vol("a", before+"\ncolor = \"red\""),
			want: "Conflict: docker_volume.a: name: volume name \"data\" is to be given to the new object while the one it replaces still has it. Choose another, or remove create_before_destroy.\n",
		},
		"the new one first, other name": {had: vol("a", before), now: strings.Replace(vol("a", before), `"data"`, `"other"`, 1), want: "docker_volume.a replace name!(configuration)\n"},
		"the new one first, in place":   {had: vol("a", before+"\nsize = 1"), now: vol("a", before+"\nsize = 2"), want: "docker_volume.a update size(configuration)\n"},
		"the new one first, one that steps aside": {
			had: ports("a", "null", "8080"), now: strings.Replace(ports("a", "null", "8081"), "{\n", "{\n"+before+"\n", 1), want: "docker_container.a replace ports!(configuration)\n",
		},
		"the new one first, a name that moves": {
			had: tag(before), now: tag(before + "\ncolor = \"red\""), want: "docker_tag.t replace color!(configuration)\n", stillWant: true,
		},
		"one of another tag": {
			since: func(w *world) { w.engine("").foreign("tag", thing{Name: types.StringValue("app:1")}) }, now: "resource \"docker_tag\" \"t\" {\n name = \"app:1\"\n}\n",
			want: "Conflict: docker_tag.t: name: image name \"app:1\" exists on the engine and is not managed here; choose another name, or take it over: cleat adopt 'docker_tag.t' app:1.\n",
		},
	})
}

func TestExisted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.engine("").foreign("mould", thing{Name: types.StringValue("m")})
	text := `resource "docker_mould" "m" { name = "m" }`
	end := w.run(text, options{})
	want(t, "calls", strings.Join(end.calls, "\n"), "create mould m\nwrite ledger")
	want(t, "ledger", w.ledger(), "docker_mould.m id=sha:m existed\n")
	want(t, "again", w.plan(text, options{}).text(), "")
	want(t, "no longer declared", w.plan("locals {}", options{}).text(), "docker_mould.m forget: no longer declared; it was there before cleat and stays\n")
	want(t, "destroy", w.plan(text, options{destroy: true}).text(), "docker_mould.m forget\n")
	end = w.run(text, options{destroy: true})
	want(t, "calls of destroy", strings.Join(end.calls, "\n"), "")
	want(t, "living", w.engine("").living(), "mould sha:m (m)\n")
	w.run(text, options{})
	w.engine("").lose("mould", "m")
	want(t, "made anew", w.plan(text, options{}).text(), "docker_mould.m create: does not exist\n")
	w.run(text, options{})
	want(t, "ours now", w.ledger(), "docker_mould.m id=sha:m\n")
}

// What a replacement finds in its new place is not ours either, and what it leaves only goes when it was ours.
func TestReplacementAmongForeign(t *testing.T) {
	t.Parallel()
	mould := func(name string) string { return "resource \"docker_mould\" \"m\" {\n name = \"" + name + "\"\n}\n" }
	for name, c := range map[string]struct{ foreign, had, now, left string }{
		"the new one was there": {"b", "a", "b", "mould sha:b (b)\n"},
		"the old one was there": {"a", "a", "b", "mould sha:a (a)\n"},
		"neither":               {"c", "a", "b", "mould sha:c (c)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.engine("").foreign("mould", thing{Name: types.StringValue(c.foreign)})
			w.run(mould(c.had), options{})
			w.run(mould(c.now), options{})
			want(t, "plan", w.plan(mould(c.now), options{}).text(), "")
			w.run(mould(c.now), options{destroy: true})
			want(t, "left", w.engine("").living(), c.left)
			want(t, "ledger", w.ledger(), "")
		})
	}
	tag := func(name string) string { return "resource \"docker_tag\" \"t\" {\n name = \"" + name + "\"\n}\n" }
	w := newWorld(t)
	w.run(tag("a"), options{})
	w.engine("").foreign("tag", thing{Name: types.StringValue("b")})
	want(t, "a name that is taken", w.plan(tag("b"), options{}).text(),
		"Conflict: docker_tag.t: name: image name \"b\" exists on the engine and is not managed here; choose another name, or take it over: cleat adopt 'docker_tag.t' b.\n")
	want(t, "one that is not", w.plan(tag("c"), options{}).text(), "docker_tag.t replace name!(configuration)\n")
}

func TestEngines(t *testing.T) {
	two := func(alias string) string {
		return "provider \"docker\" {}\nprovider \"docker\" {\n alias = \"far\"\n host = \"far\"\n}\nprovider \"docker\" {\n alias = \"same\"\n}\n" +
			vol("data", "provider = docker"+alias)
	}
	scenarios(t, map[string]scenario{
		"the same name on two": {now: two("") + vol("b", "provider = docker.far"), want: "docker_volume.b create: does not exist\ndocker_volume.data create: does not exist\n"},
		"the same engine twice": {
			now:  two("") + vol("b", "provider = docker.same"),
			want: "Conflict: docker_volume.data: name: volume name \"data\" is also taken by docker_volume.b. Give one of them another.\n",
		},
		"another way to the same engine": {had: two(""), now: two(".same")},
		"to another engine":              {had: two(""), now: two(".far"), want: "docker_volume.data delete: no longer declared\ndocker_volume.data create: does not exist\n"},
		"destroy on both":                {had: two("") + vol("b", "provider = docker.far"), now: two(""), o: options{destroy: true}, want: "docker_volume.b delete\ndocker_volume.data delete\n"},
	})
}

func TestDataSources(t *testing.T) {
	data := func(name, extra string) string {
		return "data \"docker_mould\" \"d\" {\n name = " + name + "\n" + extra + "\n}\n" + vol("data", "color = data.docker_mould.d.id")
	}
	base := "resource \"docker_mould\" \"base\" {\n name = \"base\"\n}\n"
	scenarios(t, map[string]scenario{
		"known":   {had: base, now: base + data(`"base"`, ""), want: "docker_volume.data create: does not exist\n"},
		"missing": {now: data(`"base"`, ""), want: "Not found: data.docker_mould.d: mould \"base\": not found.\n"},
		"what it asks is not known": {
			now:       base + data(`docker_mould.base.address`, ""),
			want:      "docker_mould.base create: does not exist\ndocker_volume.data create: does not exist\ndata.docker_mould.d read: what it asks is known after apply\n",
			stillWant: true,
		},
		"depends_on something new": {
			now:  base + data(`"base"`, "depends_on = [docker_mould.base]"),
			want: "docker_mould.base create: does not exist\ndocker_volume.data create: does not exist\ndata.docker_mould.d read: what it asks is known after apply\n",
		},
		"refers to something new by a known attribute": {
			now:  base + data(`docker_mould.base.name`, ""),
			want: "docker_mould.base create: does not exist\ndocker_volume.data create: does not exist\ndata.docker_mould.d read: what it asks is known after apply\n",
		},
		"refers to it by way of a local value": {
			now:  base + "locals {\n name = docker_mould.base.name\n}\n" + data(`local.name`, ""),
			want: "Not found: data.docker_mould.d: mould \"base\": not found.\n",
		},
		"refers to what stays":  {had: base, now: base + data(`docker_mould.base.name`, ""), want: "docker_volume.data create: does not exist\n"},
		"depends_on what stays": {had: base, now: base + data(`"base"`, "depends_on = [docker_mould.base]"), want: "docker_volume.data create: does not exist\n"},
	})
}

func TestSensitiveRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := `
variable "key" { sensitive = true }
resource "docker_volume" "data" {
  name   = "data"
  secret = "hunter2"
  token  = var.key
  color  = var.key
}
resource "docker_mould" "m" {
  name   = "m"
  secret = "hunter2"
  token  = var.key
}
output "open" {
  value     = var.key
  sensitive = true
}
`
	w.run(text, options{vars: map[string]string{"key": "swordfish"}})
	e := w.engine("")
	for _, o := range e.objects {
		for name, label := range o.labels {
			for _, secret := range []string{"hunter2", "swordfish"} {
				if strings.Contains(label, secret) {
					t.Errorf("%s %s: label %s holds a secret: %s", o.typ, o.thing.ID, name, label)
				}
			}
		}
	}
	want(t, "the same secret", w.plan(text, options{vars: map[string]string{"key": "swordfish"}}).text(), "")
	want(t, "another secret", w.plan(text, options{vars: map[string]string{"key": "trout"}}).text(), "docker_mould.m replace token!(configuration)\ndocker_volume.data replace color!(configuration) token!(configuration)\n")
	e.change("volume", "data", func(m *thing) { m.Secret = types.StringValue("changed") })
	want(t, "drift of a secret", w.plan(text, options{vars: map[string]string{"key": "swordfish"}}).text(), "docker_volume.data replace secret!(drift)\n")
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := func(outputs string) string { return vol("data", "") + outputs }
	one := "output \"id\" {\n value = docker_volume.data.id\n}\n"
	want(t, "new", w.plan(text(one), options{}).text(), "docker_volume.data create: does not exist\noutput id: none -> unknown\n")
	w.run(text(one), options{})
	want(t, "ledger", w.ledger(), "output id = \"data\"\n")
	want(t, "same", w.plan(text(one), options{}).text(), "")
	other := "output \"id\" {\n value = \"${docker_volume.data.id}!\"\n}\n"
	want(t, "only an output changes", w.plan(text(other), options{}).text(), "output id: \"data\" -> \"data!\"\n")
	if end := w.run(text(other), options{}); len(end.report.Outputs) != 1 || end.report.Outputs[0].After.RawEquals(cty.StringVal("data!")) == false {
		t.Errorf("report: %+v", end.report.Outputs)
	}
	want(t, "with a target nothing is said of outputs", w.plan(text(one), options{targets: []string{"docker_volume.data"}}).text(), "")
	want(t, "gone", w.plan(text(""), options{}).text(), "output id: \"data!\" -> none\n")
	w.run(text(""), options{})
	want(t, "ledger is gone", w.ledger(), "")
	secret := "output \"id\" {\n value = docker_volume.data.id\n sensitive = true\n}\n"
	want(t, "sensitive", w.plan(text(secret), options{}).text(), "")
	w.run(text(one), options{})
	w.run(text(secret), options{})
	want(t, "a recorded output that becomes sensitive is removed", w.ledger(), "")
}

// The same input gives the same plan, however its walk goes.
func TestPlanIsDeterministic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(modules+"\n-- more.tf --\n"+vol("x", "")+each("p", "q", "r"), options{})
	now := strings.Replace(modules, "count = 2", "count = 3\ncolor = \"red\"", 1) + "\n-- more.tf --\n" + vol("x", "size = 2") + vol("y", "") + vol("z", "") + each("p", "q", "s")
	first := ""
	for i := range 20 {
		got := w.plan(now, options{})
		text := got.made.String() + problems(got.diags)
		if first == "" {
			first = text
		}
		if text != first || text == "" {
			t.Fatalf("run %d: %s\nfirst: %s", i, text, first)
		}
	}
}

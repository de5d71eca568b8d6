package plan_test

import (
	"strings"
	"testing"
)

// modules is two instances of a module with a volume in each, and a container on one.
const modules = `
module "m" {
  source   = "./m"
  for_each = toset(["a", "b"])
  key      = each.key
}
resource "docker_volume" "other" { name = "other" }
resource "docker_container" "web" {
  name = "web"
  uses = [module.m["a"].id]
}
-- m/main.tf --
variable "key" {}
resource "docker_volume" "v" {
  count = 2
  name  = "${var.key}${count.index}"
}
output "id" { value = docker_volume.v[0].id }
`

func TestTargets(t *testing.T) {
	two := strings.Replace(modules, `name = "other" }`, "name = \"other\"\n size = 2 \n}", 1)
	two = strings.ReplaceAll(strings.ReplaceAll(two, `{ name`, "{\nname"), "count = 2", "count = 2\nsize = 3")
	scenarios(t, map[string]scenario{
		"block with what it needs": {now: modules, o: options{targets: []string{"docker_container.web"}}, want: `
docker_container.web create: does not exist
module.m["a"].docker_volume.v[0] create: does not exist
module.m["a"].docker_volume.v[1] create: does not exist
module.m["b"].docker_volume.v[0] create: does not exist
module.m["b"].docker_volume.v[1] create: does not exist
`},
		"instance": {now: modules, o: options{targets: []string{`module.m["b"].docker_volume.v[1]`}}, want: `
module.m["b"].docker_volume.v[1] create: does not exist
`},
		"module": {now: modules, o: options{targets: []string{`module.m["a"]`, "docker_volume.other"}}, want: `
docker_volume.other create: does not exist
module.m["a"].docker_volume.v[0] create: does not exist
module.m["a"].docker_volume.v[1] create: does not exist
`},
		"all instances of a module": {had: modules, now: two, o: options{targets: []string{"module.m"}}, want: `
module.m["a"].docker_volume.v[0] update size(configuration)
module.m["a"].docker_volume.v[1] update size(configuration)
module.m["b"].docker_volume.v[0] update size(configuration)
module.m["b"].docker_volume.v[1] update size(configuration)
`},
		"an orphan": {had: modules, now: "locals {}\n-- m/main.tf --\n", o: options{targets: []string{"docker_volume.other"}}, want: "docker_volume.other delete: no longer declared\n"},
		"orphan of a module that is gone": {had: modules, now: "locals {}\n-- m/main.tf --\n", o: options{targets: []string{`module.m["b"]`}}, want: `
module.m["b"].docker_volume.v[0] delete: no longer declared
module.m["b"].docker_volume.v[1] delete: no longer declared
`},
		"destroy takes what was made from it": {had: modules, o: options{destroy: true, targets: []string{`module.m["a"].docker_volume.v[0]`}}, want: `
docker_container.web delete
module.m["a"].docker_volume.v[0] delete
`},
		"destroy of an end": {had: modules, o: options{destroy: true, targets: []string{"docker_container.web"}}, want: "docker_container.web delete\n", stillWant: true},
		"without outputs":   {now: reader(""), o: options{targets: []string{"docker_network.front"}}, want: "docker_network.front create: does not exist\n"},
	})
}

func TestReplaceIsAskedFor(t *testing.T) {
	scenarios(t, map[string]scenario{
		"-replace": {had: declared, o: options{replace: []string{"docker_container.web"}}, want: "docker_container.web replace: replacement was asked for (-replace)\n"},
		"-replace of an instance": {had: count(2), o: options{replace: []string{"docker_volume.v[1]"}}, want: `
docker_volume.v[1] replace: replacement was asked for (-replace)
`},
		"-replace of what does not exist": {now: declared, o: options{replace: []string{"docker_container.web"}}, want: `
docker_container.web create: does not exist
docker_network.front create: does not exist
`},
		"-replace and a change": {had: declared, now: with("size = 2"), o: options{replace: []string{"docker_container.web"}}, want: `
docker_container.web replace size(configuration): replacement was asked for (-replace)
`},
		"-replace below": {had: declared, o: options{replace: []string{"docker_network.front"}}, want: `
docker_container.web replace uses!(configuration)
docker_network.front replace: replacement was asked for (-replace)
`},
		"trigger, updated": {had: triggered("docker_volume.v", "a", 1), now: triggered("docker_volume.v", "a", 2), want: `
docker_container.web replace: docker_volume.v changes (replace_triggered_by)
docker_volume.v update size(configuration)
`},
		"trigger, replaced": {had: triggered("docker_volume.v", "a", 1), now: triggered("docker_volume.v", "b", 1), want: `
docker_container.web replace: docker_volume.v changes (replace_triggered_by)
docker_volume.v replace name!(configuration)
`},
		"trigger, attribute":         {had: triggered("docker_volume.v.size", "a", 1), now: triggered("docker_volume.v.size", "a", 2), want: "docker_container.web replace: docker_volume.v changes (replace_triggered_by)\ndocker_volume.v update size(configuration)\n"},
		"trigger, another attribute": {had: triggered("docker_volume.v.name", "a", 1), now: triggered("docker_volume.v.name", "a", 2), want: "docker_volume.v update size(configuration)\n"},
		"trigger, computed attribute moved": {had: triggered("docker_volume.v.address", "a", 1), now: triggered("docker_volume.v.address", "a", 2), want: `
docker_container.web replace: docker_volume.v changes (replace_triggered_by)
docker_volume.v update size(configuration)
`},
		"trigger, attribute of a replaced one": {had: triggered("docker_volume.v.id", "a", 1), now: triggered("docker_volume.v.id", "b", 1), want: `
docker_container.web replace: docker_volume.v changes (replace_triggered_by)
docker_volume.v replace name!(configuration)
`},
		"trigger, several instances": {had: strings.Replace(triggered("docker_volume.v", "${count.index}", 1), "name", "count = 5\nname", 1), now: strings.Replace(triggered("docker_volume.v", "${count.index}", 2), "name", "count = 5\nname", 1), want: `
docker_container.web replace: docker_volume.v[0] changes (replace_triggered_by)
docker_volume.v[0] update size(configuration)
docker_volume.v[1] update size(configuration)
docker_volume.v[2] update size(configuration)
docker_volume.v[3] update size(configuration)
docker_volume.v[4] update size(configuration)
`},
		"trigger, nothing changes": {had: triggered("docker_volume.v", "a", 1)},
		"trigger, created":         {had: triggered("docker_volume.v", "a", 1), since: func(w *world) { w.engine("").lose("volume", "a") }, want: "docker_volume.v create: does not exist\n"},
	})
}

func triggered(by, name string, size int) string {
	return `
resource "docker_volume" "v" {
  name = "` + name + `"
  size = ` + string(rune('0'+size)) + `
}
resource "docker_container" "web" {
  name = "web"
  lifecycle { replace_triggered_by = [` + by + `] }
}
`
}

func TestLifecycle(t *testing.T) {
	life := func(lifecycle, attributes string) string {
		return "resource \"docker_container\" \"web\" {\n name = \"web\"\n" + attributes + "\n lifecycle {\n" + lifecycle + "\n }\n}\n"
	}
	had := life("", "color = \"red\"\nsize = 1\nports {\ninternal = 80\nexternal = 8080\n}\n")
	now := func(ignored string) string {
		return life("ignore_changes = "+ignored, "color = \"blue\"\nsize = 2\nports {\ninternal = 80\nexternal = 8081\n}\n")
	}
	scenarios(t, map[string]scenario{
		"ignored attribute":         {had: had, now: now("[color]"), want: "docker_container.web replace ports!(configuration) size(configuration)\n", stillWant: true},
		"ignored block":             {had: had, now: now("[color, ports]"), want: "docker_container.web update size(configuration)\n"},
		"ignored inside a block":    {had: had, now: now("[color, ports[0].external]"), want: "docker_container.web update size(configuration)\n"},
		"all ignored":               {had: had, now: now("all")},
		"ignored is used to create": {now: life("ignore_changes = all", "color = \"red\"\nsize = 1"), want: "docker_container.web create: does not exist\n"},
		"ignored is missing":        {had: had, now: life("ignore_changes = [secret, ports[3].external]", "color = \"red\"\nsize = 1\nports {\ninternal = 80\nexternal = 8080\n}\n")},
		"all ignored, asked for": {
			had: had, now: now("all"), o: options{replace: []string{"docker_container.web"}},
			want: "docker_container.web replace: replacement was asked for (-replace)\n",
		},
		"prevent_destroy, replace": {
			had: had, now: life("prevent_destroy = true", "color = \"blue\"\nsize = 1\nports {\ninternal = 80\nexternal = 8080\n}\n"),
			want: "Conflict: docker_container.web: the plan would replace it (color changes) and its lifecycle says prevent_destroy; change the configuration back, or remove prevent_destroy: conflict.\n",
		},
		"prevent_destroy, asked for": {
			had: had, now: life("prevent_destroy = true", "color = \"red\"\nsize = 1\nports {\ninternal = 80\nexternal = 8080\n}\n"), o: options{replace: []string{"docker_container.web"}},
			want: "Conflict: docker_container.web: the plan would replace it (replacement was asked for (-replace)) and its lifecycle says prevent_destroy; change the configuration back, or remove prevent_destroy: conflict.\n",
		},
		"prevent_destroy, update": {had: life("", "size = 1"), now: life("prevent_destroy = true", "size = 2"), want: "docker_container.web update size(configuration)\n"},
		"prevent_destroy, destroy": {
			had: life("prevent_destroy = true", ""), o: options{destroy: true},
			want: "Protected: docker_container.web: Its lifecycle says prevent_destroy. Remove that first, or leave docker_container.web out with -target.\n",
		},
		"precondition":                           {now: life("precondition {\ncondition = 1 > 2\nerror_message = \"no\"\n}", ""), want: "Resource precondition failed: no\n"},
		"postcondition":                          {had: had, now: life("postcondition {\ncondition = self.size > 1\nerror_message = \"small\"\n}", "color = \"red\"\nsize = 1\nports {\ninternal = 80\nexternal = 8080\n}\n"), want: "Resource postcondition failed: small\n"},
		"postcondition of what is not known yet": {now: life("postcondition {\ncondition = self.address == \"at web-1\"\nerror_message = \"no\"\n}", ""), want: "docker_container.web create: does not exist\n"},
	})
}

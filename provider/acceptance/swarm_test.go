package acceptance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/acctest"
)

// onSwarm is a bench on an engine that manages a swarm. A swarm takes its time over everything, so these tests, whose
// objects have nothing in common, run beside each other.
func onSwarm(t *testing.T) bench {
	t.Helper()
	b := newBench(t, acctest.Swarm(t))
	t.Parallel()
	return b
}

// TestSwarmIsNeeded: what belongs to a swarm is refused at plan by engines that manage none, with what to do.
func TestSwarmIsNeeded(t *testing.T) {
	acctest.Each(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		b := newBench(t, e)
		lacks := e.Name + `\s+\S+\s+has\s+no\s+Swarm`
		switch {
		case e.Name == "dockerd":
			lacks = `is\s+not\s+part\s+of\s+a\s+swarm.*"docker\s+swarm\s+init"`
		case e.IsOld():
			lacks = `needs engine API\s+1.25`
		}
		b.run(nil, resource.TestStep{Config: "resource \"docker_secret\" \"a\" {\n  name = \"PREFIX\"\n  data = \"eA==\"\n}", PlanOnly: true,
			ExpectError: regexp.MustCompile(`(?s)line \d+, in resource "docker_secret" "a".*` + lacks)})
	})
}

// labelled is blocks of labels, from pairs.
func labelled(pairs ...string) string {
	text := ""
	for i := 0; i < len(pairs); i += 2 {
		text += fmt.Sprintf("  labels {\n    label = %q\n    value = %q\n  }\n", pairs[i], pairs[i+1])
	}
	return text
}

func (b bench) secret(name string) (swarm.Secret, error) {
	found, err := b.docker.SecretInspect(context.WithoutCancel(b.t.Context()), name, moby.SecretInspectOptions{})
	return found.Secret, err
}

// relabelSecret changes the labels of a secret behind Terraform's back.
func (b bench) relabelSecret(name string, labels map[string]string) func() {
	return b.must(func() error {
		found, err := b.secret(name)
		if err != nil {
			return err
		}
		found.Spec.Labels = labels
		_, err = b.docker.SecretUpdate(b.t.Context(), found.ID, moby.SecretUpdateOptions{Version: found.Version, Spec: found.Spec})
		return err
	})
}

// using runs a service without tasks that uses a secret and a config, as others would.
func (b bench) using(name, secret, config string) func() {
	return b.must(func() error {
		held, err := b.secret(secret)
		if err != nil {
			return err
		}
		spec := &swarm.ContainerSpec{Image: acctest.Busybox, Secrets: []*swarm.SecretReference{
			{SecretID: held.ID, SecretName: secret, File: &swarm.SecretReferenceFileTarget{Name: "s", UID: "0", GID: "0", Mode: 0o444}},
		}}
		if config != "" {
			found, err := b.docker.ConfigInspect(b.t.Context(), config, moby.ConfigInspectOptions{})
			if err != nil {
				return err
			}
			spec.Configs = []*swarm.ConfigReference{
				{ConfigID: found.Config.ID, ConfigName: config, File: &swarm.ConfigReferenceFileTarget{Name: "c", UID: "0", GID: "0", Mode: 0o444}},
			}
		}
		none := uint64(0)
		_, err = b.docker.ServiceCreate(b.t.Context(), moby.ServiceCreateOptions{Spec: swarm.ServiceSpec{
			Annotations: swarm.Annotations{Name: name}, TaskTemplate: swarm.TaskSpec{ContainerSpec: spec},
			Mode: swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &none}},
		}})
		return err
	})
}

func (b bench) removeService(name string) func() {
	return b.must(func() error {
		_, err := b.docker.ServiceRemove(b.t.Context(), name, moby.ServiceRemoveOptions{})
		return err
	})
}

func TestSecret(t *testing.T) {
	b := onSwarm(t)
	const address = "docker_secret.a"
	config := func(data, labels string) string {
		return fmt.Sprintf("resource \"docker_secret\" \"a\" {\n  name = \"PREFIX\"\n  data = base64encode(%q)\n%s}\n", data, labels)
	}
	first := config("top", labelled("b", "2", "a", "1"))
	second := config("top", labelled("a", "other"))
	third := config("changed", "")
	imported := third + "import {\n  to = docker_secret.b\n  id = \"PREFIX-b\"\n}\nresource \"docker_secret\" \"b\" {\n  name = \"PREFIX-b\"\n  data = \"eA==\"\n}\n"
	var id remembered
	gone := goneCheck("secret", func() (bool, error) {
		_, err := b.secret(b.prefix)
		if errors.Is(err, errs.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
	remove := b.must(func() error {
		_, err := b.docker.SecretRemove(t.Context(), b.prefix, moby.SecretRemoveOptions{})
		return err
	})
	b.run(gone,
		resource.TestStep{Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: id.keep(address, "id")},
		resource.TestStep{Config: first, ConfigPlanChecks: empty()},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"data"}},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"data"}, ImportStateId: b.prefix},
		resource.TestStep{Config: second, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.same(address, "id")},
		resource.TestStep{Config: second, ConfigPlanChecks: empty()},
		resource.TestStep{PreConfig: b.relabelSecret(b.prefix, map[string]string{"b": "drift"}), Config: second, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate),
			Check: id.same(address, "id")},
		resource.TestStep{Config: second, ConfigPlanChecks: empty()},
		resource.TestStep{PreConfig: b.using(b.prefix+"-user", b.prefix, ""), Config: third, ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate),
			ExpectError: regexp.MustCompile(`in\s+use\s+by\s+the\s+service\s+` + b.prefix + `-user:(?s:.*)create_before_destroy`)},
		resource.TestStep{PreConfig: b.removeService(b.prefix + "-user"), Config: third, ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate),
			Check: id.other(address, "id")},
		resource.TestStep{PreConfig: remove, Config: third, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate)},
		resource.TestStep{ // made by hand: its data is recorded, nothing is changed
			PreConfig: b.must(func() error {
				_, err := b.docker.SecretCreate(t.Context(), moby.SecretCreateOptions{Spec: swarm.SecretSpec{Annotations: swarm.Annotations{Name: b.prefix + "-b"}, Data: []byte("x")}})
				return err
			}),
			Config: imported, ConfigPlanChecks: plans("docker_secret.b", plancheck.ResourceActionUpdate),
		},
		resource.TestStep{Config: imported, ConfigPlanChecks: empty()},
	)
}

func TestConfig(t *testing.T) {
	b := onSwarm(t)
	const address = "docker_config.a"
	config := func(data, labels string) string {
		return fmt.Sprintf("resource \"docker_config\" \"a\" {\n  name = \"PREFIX\"\n  %s\n%s}\n", data, labels)
	}
	first := config(`data_raw = "hello\n"`, labelled("b", "2", "a", "1"))
	spelled := config(`data = base64encode("hello\n")`, labelled("a", "1", "b", "2"))
	second := config(`data_raw = "hello\n"`, labelled("a", "other"))
	third := config(`data_raw = "bye\n"`, "")
	binary := config(`data = "__79"`, "") // of the URL-safe alphabet, and no text
	var id remembered
	gone := goneCheck("config", func() (bool, error) {
		_, err := b.docker.ConfigInspect(context.WithoutCancel(t.Context()), b.prefix, moby.ConfigInspectOptions{})
		if errors.Is(err, errs.ErrNotFound) {
			return false, nil
		}
		return true, err
	})
	relabel := b.must(func() error {
		found, err := b.docker.ConfigInspect(t.Context(), b.prefix, moby.ConfigInspectOptions{})
		if err != nil {
			return err
		}
		found.Config.Spec.Labels = nil
		_, err = b.docker.ConfigUpdate(t.Context(), found.Config.ID, moby.ConfigUpdateOptions{Version: found.Config.Version, Spec: found.Config.Spec})
		return err
	})
	remove := b.must(func() error {
		_, err := b.docker.ConfigRemove(t.Context(), b.prefix, moby.ConfigRemoveOptions{})
		return err
	})
	b.run(gone,
		resource.TestStep{Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
			id.keep(address, "id"), resource.TestCheckResourceAttr(address, "data", "aGVsbG8K"))},
		resource.TestStep{Config: first, ConfigPlanChecks: empty()},
		resource.TestStep{Config: spelled, ConfigPlanChecks: empty()},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: b.prefix},
		resource.TestStep{Config: second, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.same(address, "id")},
		resource.TestStep{PreConfig: relabel, Config: second, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.same(address, "id")},
		resource.TestStep{Config: third, ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate), Check: id.other(address, "id")},
		resource.TestStep{Config: binary, ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate), Check: resource.TestCheckResourceAttr(address, "data_raw", "")},
		resource.TestStep{Config: binary, ConfigPlanChecks: empty()},
		resource.TestStep{PreConfig: remove, Config: binary, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate)},
	)
}

// TestSwarmBadInput: wrong values are refused at plan, at their attribute, and secrets are not repeated.
func TestSwarmBadInput(t *testing.T) {
	b := onSwarm(t)
	for name, c := range map[string]struct{ config, want string }{
		"secret name":   {"resource \"docker_secret\" \"a\" {\n  name = \"-x\"\n  data = \"eA==\"\n}", `name = "-x"(?s:.*)is no name for a swarm`},
		"secret data":   {"resource \"docker_secret\" \"a\" {\n  name = \"x\"\n  data = \"not base64\"\n}", `data(?s:.*)is not base64`},
		"secret empty":  {"resource \"docker_secret\" \"a\" {\n  name = \"x\"\n  data = \"\"\n}", `1 to 511999 bytes`},
		"secret labels": {"resource \"docker_secret\" \"a\" {\n  name = \"x\"\n  data = \"eA==\"\n" + labelled("a", "1", "a", "2") + "}", `The label "a" is given twice`},
		"secret none":   {"resource \"docker_secret\" \"a\" {\n  name = \"x\"\n}", `One of data and data_wo`},
		"secret wo":     {"resource \"docker_secret\" \"a\" {\n  name = \"x\"\n  data_wo = \"eA==\"\n}", `data_wo needs data_wo_version`},
		"config two wo": {"resource \"docker_config\" \"a\" {\n  name = \"x\"\n  data_raw = \"x\"\n  data_wo = \"eA==\"\n  data_wo_version = 1\n}", `data_wo is given too`},
		"config none":   {"resource \"docker_config\" \"a\" {\n  name = \"x\"\n}", `One of data \(base64\), data_raw`},
		"config two":    {"resource \"docker_config\" \"a\" {\n  name = \"x\"\n  data = \"eA==\"\n  data_raw = \"y\"\n}", `say different things`},
		"service time":  {service("", "restart_policy {\n      delay = \"7 s\"\n    }", ""), `"7 s" is not a time`},
		"service modes": {service("", "", "mode {\n    global = true\n    replicated {\n      replicas = 1\n    }\n  }"), `global or replicated`},
		"service mount": {service("mounts {\n        target = \"/x\"\n        type   = \"bind\"\n      }", "", ""), `bind,\s+which\s+needs\s+a\s+source`},
	} {
		t.Run(name, func(t *testing.T) {
			b := b
			b.t = t
			b.run(nil, resource.TestStep{Config: c.config, PlanOnly: true, ExpectError: regexp.MustCompile(c.want)})
		})
	}
}

// data_wo of a secret and a config is on the engine and nowhere else: in no state, nor read back into it, also after an
// import. Another version replaces; what was made by hand is replaced where its data can be told, else marked.
func TestSwarmSecretData(t *testing.T) {
	b := onSwarm(t)
	config := func(secret, version string) string {
		return fmt.Sprintf(`
variable "s" {
  type      = string
  ephemeral = true
  default   = %q
}
resource "docker_secret" "a" {
  name            = "PREFIX"
  data_wo         = base64encode(var.s)
  data_wo_version = %s
}
resource "docker_config" "a" {
  name            = "PREFIX"
  data_wo         = base64encode(var.s)
  data_wo_version = %[2]s
}`, secret, version)
	}
	inside := func(want string) resource.TestCheckFunc {
		return func(s *terraform.State) error {
			found, err := b.docker.ConfigInspect(t.Context(), b.prefix, moby.ConfigInspectOptions{})
			if err == nil && string(found.Config.Spec.Data) != want {
				err = fmt.Errorf("the config holds %q, want %q", found.Config.Spec.Data, want)
			}
			return errors.Join(err, noSecret(fmt.Sprint(s.RootModule().Resources)))
		}
	}
	both := func(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction("docker_secret.a", action), plancheck.ExpectResourceAction("docker_config.a", action)}}
	}
	relabel := b.must(func() error { // takes the labels that tell the versions away
		b.relabelSecret(b.prefix, nil)()
		found, err := b.docker.ConfigInspect(t.Context(), b.prefix, moby.ConfigInspectOptions{})
		if err != nil {
			return err
		}
		found.Config.Spec.Labels = nil
		_, err = b.docker.ConfigUpdate(t.Context(), found.Config.ID, moby.ConfigUpdateOptions{Version: found.Config.Version, Spec: found.Config.Spec})
		return err
	})
	imported := func(address string) resource.TestStep {
		return resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateId: b.prefix,
			ImportStateCheck: func(states []*terraform.InstanceState) error { return noSecret(fmt.Sprint(states[0].Attributes)) }}
	}
	var secret, config1 remembered
	b.run(nil,
		resource.TestStep{Config: config("hunter1", "1"), Check: resource.ComposeTestCheckFunc(inside("hunter1"),
			secret.keep("docker_secret.a", "id"), config1.keep("docker_config.a", "id"), resource.TestCheckNoResourceAttr("docker_config.a", "data_raw"))},
		resource.TestStep{Config: config("hunter2", "1"), ConfigPlanChecks: empty(), Check: inside("hunter1")},
		imported("docker_secret.a"), imported("docker_config.a"),
		resource.TestStep{Config: config("hunter2", "2"), ConfigPlanChecks: both(plancheck.ResourceActionDestroyBeforeCreate), Check: resource.ComposeTestCheckFunc(inside("hunter2"),
			secret.other("docker_secret.a", "id"), config1.other("docker_config.a", "id"), secret.keep("docker_secret.a", "id"))},
		resource.TestStep{PreConfig: relabel, Config: config("hunter3", "2"), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction("docker_secret.a", plancheck.ResourceActionUpdate),
			plancheck.ExpectResourceAction("docker_config.a", plancheck.ResourceActionDestroyBeforeCreate)}},
			Check: resource.ComposeTestCheckFunc(inside("hunter3"), secret.same("docker_secret.a", "id"))},
		resource.TestStep{Config: config("hunter3", "2"), ConfigPlanChecks: empty()},
	)
}

// noSecret refuses a text with one of this file's secrets, as it is or in base64.
func noSecret(text string) error {
	for _, secret := range []string{"hunter", "aHVudGVy"} {
		if strings.Contains(text, secret) {
			return fmt.Errorf("a secret is told: %s", text)
		}
	}
	return nil
}

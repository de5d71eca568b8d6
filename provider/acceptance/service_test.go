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

// serviceGone checks that a service is gone, and the containers of its tasks with it.
func (b bench) serviceGone(name string) resource.TestCheckFunc {
	return goneCheck("service "+name, func() (bool, error) {
		ctx := context.WithoutCancel(b.t.Context())
		_, err := b.docker.ServiceInspect(ctx, name, moby.ServiceInspectOptions{})
		if !errors.Is(err, errs.ErrNotFound) {
			return true, err
		}
		left, err := b.docker.ContainerList(ctx, moby.ContainerListOptions{All: true, Filters: moby.Filters{}.Add("label", "com.docker.swarm.service.name="+name)})
		return len(left.Items) > 0, err
	})
}

// tampered changes a service behind Terraform's back.
func (b bench) tampered(name string, change func(*swarm.ServiceSpec)) func() {
	return b.must(func() error {
		found, err := b.docker.ServiceInspect(b.t.Context(), name, moby.ServiceInspectOptions{})
		if err != nil {
			return err
		}
		spec := found.Service.Spec
		change(&spec)
		_, err = b.docker.ServiceUpdate(b.t.Context(), name, moby.ServiceUpdateOptions{Version: found.Service.Version, Spec: spec})
		return err
	})
}

// serviceIs checks what a swarm has of a service.
func (b bench) serviceIs(name string, check func(swarm.Service) error) resource.TestCheckFunc {
	return func(*terraform.State) error {
		found, err := b.docker.ServiceInspect(context.WithoutCancel(b.t.Context()), name, moby.ServiceInspectOptions{})
		if err != nil {
			return err
		}
		return check(found.Service)
	}
}

// service is a declaration: what goes into the container, into the task, and beside them.
func service(container, task, more string) string {
	return fmt.Sprintf(`
resource "docker_service" "a" {
  name = "PREFIX"
  task_spec {
    container_spec {
      image             = %q
      stop_grace_period = "0s"
      %s
    }
    %s
  }
  %s
}
`, acctest.Busybox, container, task, more)
}

const (
	sleeps    = `args = ["sleep", "3600"]`
	converges = "converge_config {\n    timeout = \"2m\"\n  }\n  update_config {\n    monitor = \"100ms\"\n  }\n"
)

func TestService(t *testing.T) {
	b := onSwarm(t)
	const address = "docker_service.a"
	secret := func(n string) string {
		return "resource \"docker_secret\" \"a\" {\n  name = \"PREFIX-" + n + "\"\n  data = base64encode(\"" + n + "\")\n  lifecycle {\n    create_before_destroy = true\n  }\n}\n"
	}
	uses := sleeps + "\n      secrets {\n        secret_id = docker_secret.a.id\n        file_name = \"pass\"\n      }\n"
	first := secret("1") + service(uses, "", converges)
	rotated := secret("2") + service(uses, "", converges)
	scaled := secret("2") + service(uses, "", converges+"mode {\n    replicated {\n      replicas = 2\n    }\n  }\n"+labelled("a", "1"))
	global := secret("2") + service(uses, "", converges+"mode {\n    global = true\n  }\n")
	var id, held remembered
	replicas := func(want uint64) resource.TestCheckFunc {
		return b.serviceIs(b.prefix, func(s swarm.Service) error {
			if s.Spec.Mode.Replicated == nil || *s.Spec.Mode.Replicated.Replicas != want {
				return fmt.Errorf("mode is %+v, want %d replicas", s.Spec.Mode, want)
			}
			return nil
		})
	}
	b.run(b.serviceGone(b.prefix),
		resource.TestStep{Config: first, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
			id.keep(address, "id"), held.keep("docker_secret.a", "id"), replicas(1),
			resource.TestCheckTypeSetElemNestedAttrs(address, "task_spec.0.container_spec.0.secrets.*", map[string]string{"secret_name": b.prefix + "-1"}))},
		resource.TestStep{Config: first, ConfigPlanChecks: empty()},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"converge_config"}},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"converge_config"}, ImportStateId: b.prefix},
		resource.TestStep{Config: rotated, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(
			id.same(address, "id"), held.other("docker_secret.a", "id"))},
		resource.TestStep{Config: rotated, ConfigPlanChecks: empty()},
		resource.TestStep{Config: scaled, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(id.same(address, "id"), replicas(2))},
		resource.TestStep{PreConfig: b.tampered(b.prefix, func(s *swarm.ServiceSpec) {
			one := uint64(1)
			s.Mode.Replicated.Replicas, s.Labels = &one, nil
		}), Config: scaled, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: resource.ComposeTestCheckFunc(id.same(address, "id"), replicas(2))},
		resource.TestStep{Config: scaled, ConfigPlanChecks: empty()},
		resource.TestStep{Config: global, ConfigPlanChecks: plans(address, plancheck.ResourceActionDestroyBeforeCreate), Check: id.other(address, "id")},
		resource.TestStep{Config: global, ConfigPlanChecks: empty()},
		resource.TestStep{PreConfig: b.removeService(b.prefix), Config: global, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate)},
	)
}

// rich says everything about a service that a lone node can do.
const rich = `
resource "docker_network" "net" {
  name   = "PREFIX-net"
  driver = "overlay"
}
resource "docker_config" "c" {
  name     = "PREFIX-c"
  data_raw = "hello"
}
resource "docker_service" "a" {
  name = "PREFIX"
  labels {
    label = "b"
    value = "2"
  }
  labels {
    label = "a"
    value = "1"
  }
  task_spec {
    force_update = 1
    runtime      = "container"
    container_spec {
      image             = "busybox:1"
      command           = ["sleep"]
      args              = ["3600"]
      hostname          = "h"
      env               = { A = "1", B = "x=y" }
      dir               = "/tmp"
      user              = "1000:1000"
      groups            = ["10"]
      read_only         = true
      init              = true
      stop_signal       = "SIGKILL"
      stop_grace_period = "1500ms"
      sysctl            = { "net.ipv4.ip_forward" = "0" }
      cap_add           = ["CAP_NET_ADMIN"]
      cap_drop          = ["NET_RAW"]
      labels {
        label = "x"
        value = "y"
      }
      hosts {
        host = "db"
        ip   = "10.9.9.9"
      }
      dns_config {
        nameservers = ["9.9.9.9"]
        search      = ["example.com"]
        options     = ["ndots:2"]
      }
      healthcheck {
        test     = ["CMD", "true"]
        interval = "1s"
        timeout  = "20s"
        retries  = 2
      }
      mounts {
        target = "/data"
        source = "PREFIX-data"
        type   = "volume"
        volume_options {
          no_copy     = true
          driver_name = "local"
          labels {
            label = "v"
            value = "1"
          }
        }
      }
      mounts {
        target = "/t"
        type   = "tmpfs"
        tmpfs_options {
          size_bytes = 1048576
          mode       = 511
        }
      }
      mounts {
        target    = "/b"
        source    = "/etc"
        type      = "bind"
        read_only = true
        bind_options {
          propagation = "rprivate"
        }
      }
      configs {
        config_id   = docker_config.c.id
        config_name = docker_config.c.name
        file_name   = "/etc/c"
        file_mode   = 256
      }
    }
    resources {
      limits {
        memory_bytes = 67108864
        nano_cpus    = 500000000
      }
      reservation {
        memory_bytes = 4194304
      }
    }
    restart_policy {
      condition    = "on-failure"
      delay        = "3000ms"
      max_attempts = 4
      window       = "1m"
    }
    placement {
      constraints  = ["node.role==manager"]
      prefs        = ["spread=node.labels.zone"]
      max_replicas = 3
    }
    networks_advanced {
      name    = docker_network.net.name
      aliases = ["web"]
    }
    log_driver {
      name    = "json-file"
      options = { "max-size" = "1m" }
    }
  }
  mode {
    replicated {
      replicas = 1
    }
  }
  update_config {
    parallelism       = 2
    delay             = "1s"
    failure_action    = "rollback"
    monitor           = "100ms"
    max_failure_ratio = "0.50"
    order             = "start-first"
  }
  rollback_config {
    monitor = "100ms"
  }
  endpoint_spec {
    ports {
      target_port = 80
    }
    ports {
      name           = "host"
      target_port    = 81
      published_port = 8981
      publish_mode   = "host"
      protocol       = "udp"
    }
  }
  converge_config {
    delay   = "1s"
    timeout = "1m"
  }
}
`

// TestServiceRich: everything that can be said of a service is kept, imported, and taken away in place.
func TestServiceRich(t *testing.T) {
	b := onSwarm(t)
	const address = "docker_service.a"
	plain := rich[:strings.Index(rich, `resource "docker_service"`)] + service(sleeps, "", converges)
	var id remembered
	b.run(b.serviceGone(b.prefix),
		resource.TestStep{Config: rich, ConfigPlanChecks: plans(address, plancheck.ResourceActionCreate), Check: resource.ComposeTestCheckFunc(
			id.keep(address, "id"), resource.TestMatchResourceAttr(address, "endpoint_spec.0.ports.0.published_port", regexp.MustCompile(`^3\d{4}$`)))},
		resource.TestStep{Config: rich, ConfigPlanChecks: empty()},
		resource.TestStep{Config: plain, ConfigPlanChecks: plans(address, plancheck.ResourceActionUpdate), Check: id.same(address, "id")},
		resource.TestStep{Config: plain, ConfigPlanChecks: empty()},
	)
}

// TestServiceFails: a service that does not come to run fails with what its tasks say, and an update that is rolled back
// is a failure.
func TestServiceFails(t *testing.T) {
	b := onSwarm(t)
	dies := `args = ["sh", "-c", "echo no database; exit 3"]`
	never := "restart_policy {\n      condition = \"none\"\n    }\n"
	watched := "converge_config {\n    timeout = \"2m\"\n  }\n  update_config {\n    monitor = \"1m\"\n  }\n" // ends at the failure
	back := "converge_config {\n    timeout = \"2m\"\n  }\n  update_config {\n    failure_action = \"rollback\"\n    monitor        = \"10s\"\n  }\n  rollback_config {\n    monitor = \"100ms\"\n  }\n"
	b.run(b.serviceGone(b.prefix),
		resource.TestStep{Config: service(dies, never, watched), ExpectError: regexp.MustCompile(
			`was\s+made\s+and\s+1\s+of\s+its\s+tasks\s+failed(?s:.*)is\s+failed:\s+task:\s+non-zero\s+exit\s+\(3\)(?s:.*)no\s+database`)},
		resource.TestStep{Config: service(sleeps, "", converges)},
		resource.TestStep{Config: service(dies, "", back), ExpectError: regexp.MustCompile(
			`was\s+updated\s+and\s+the\s+update\s+failed\s+and\s+was\s+rolled\s+back(?s:.*)non-zero\s+exit\s+\(3\)`)},
		resource.TestStep{Config: service(sleeps, "", converges), ConfigPlanChecks: empty()},
	)
}

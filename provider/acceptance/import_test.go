package acceptance

import (
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/moby/moby/api/types/container"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// Whatever has an id and a name is imported by either, and the plan leaves it as it is. Objects are made by hand.
func TestImportByIDAndName(t *testing.T) {
	const config = `
import {
  to = docker_container.by_id
  id = "CONTAINER1"
}
import {
  to = docker_container.by_name
  id = "PREFIX-2"
}
import {
  to = docker_network.by_id
  id = "NETWORK1"
}
import {
  to = docker_network.by_name
  id = "PREFIX-2"
}
import {
  to = docker_volume.by_name
  id = "PREFIX-1"
}
import {
  to = docker_image.by_id
  id = "IMAGE1"
}
import {
  to = docker_image.by_name
  id = "PREFIX-b:2"
}
import {
  to = docker_tag.by_name
  id = "PREFIX-c:3"
}
resource "docker_container" "by_id" {
  name     = "PREFIX-1"
  image    = "FROM"
  command  = ["true"]
  must_run = false
  start    = false
}
resource "docker_container" "by_name" {
  name     = "PREFIX-2"
  image    = "FROM"
  command  = ["true"]
  must_run = false
  start    = false
}
resource "docker_network" "by_id" { name = "PREFIX-1" }
resource "docker_network" "by_name" { name = "PREFIX-2" }
resource "docker_volume" "by_name" { name = "PREFIX-1" }
resource "docker_image" "by_id" { name = "PREFIX-a:1" }
resource "docker_image" "by_name" { name = "PREFIX-b:2" }
resource "docker_tag" "by_name" {
  source_image = "FROM"
  target_image = "PREFIX-c:3"
}`
	acctest.EachToday(t, func(t *testing.T, e *acctest.Engine) {
		t.Parallel()
		b := newBench(t, e)
		made := b.byHand()
		b.run(b.containerGone(b.prefix+"-1"), resource.TestStep{
			Config: strings.NewReplacer("CONTAINER1", made.container, "NETWORK1", made.network, "IMAGE1", made.image, "FROM", acctest.Busybox).Replace(config),
			ConfigPlanChecks: plansAll(plancheck.ResourceActionNoop,
				"docker_container.by_id", "docker_container.by_name", "docker_network.by_id", "docker_network.by_name",
				"docker_volume.by_name", "docker_image.by_id", "docker_image.by_name"),
		})
	})
}

// made are the ids of what [bench.byHand] made.
type made struct{ container, network, image string }

// byHand makes what TestImportByIDAndName imports.
func (b bench) byHand() made {
	b.t.Helper()
	ctx := b.t.Context()
	var m made
	var failed error
	note := func(err error) { failed = errors.Join(failed, err) }
	for i, name := range []string{b.prefix + "-1", b.prefix + "-2"} {
		c, err := b.docker.ContainerCreate(ctx, moby.ContainerCreateOptions{Name: name, Config: &container.Config{Image: acctest.Busybox, Cmd: []string{"true"}}})
		note(err)
		n, err := b.docker.NetworkCreate(ctx, name, moby.NetworkCreateOptions{Driver: "bridge"})
		note(err)
		if i == 0 {
			m.container, m.network = c.ID, n.ID
		}
	}
	_, err := b.docker.VolumeCreate(ctx, moby.VolumeCreateOptions{Name: b.prefix + "-1"})
	note(err)
	// an image of its own, which has one name only
	committed, err := b.docker.ContainerCommit(ctx, m.container, moby.ContainerCommitOptions{Reference: b.prefix + "-a:1", Config: &container.Config{}})
	note(err)
	m.image = committed.ID
	for _, name := range []string{b.prefix + "-b:2", b.prefix + "-c:3"} {
		_, err := b.docker.ImageTag(ctx, moby.ImageTagOptions{Source: acctest.Busybox, Target: name})
		note(err)
	}
	if failed != nil {
		b.t.Fatal(failed)
	}
	return m
}

// plansAll is the check of one action for several objects.
func plansAll(action plancheck.ResourceActionType, addresses ...string) resource.ConfigPlanChecks {
	var checks resource.ConfigPlanChecks
	for _, address := range addresses {
		checks.PreApply = append(checks.PreApply, explained{plancheck.ExpectResourceAction(address, action)})
	}
	return checks
}

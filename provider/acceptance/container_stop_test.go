package acceptance

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/moby/moby/api/types/events"
	moby "github.com/moby/moby/client"
)

// TestContainerStops: every stop - of an update, a replacement and a removal - sends the declared signal, and kills as
// late as is declared. One container ends by itself on its signal, with a code of its own; two ignore it, and one of them
// is given no time: its removal is one call on every engine.
func TestContainerStops(t *testing.T) {
	config := func(start, n string) string {
		return strings.NewReplacer("START", start, "N", n).Replace(`
resource "docker_container" "a" {
  name        = "PREFIX-a"
  image       = "busybox:1"
  command     = ["sh", "-c", "trap 'exit 7' USR1; echo ready; while :; do sleep 0.1; done"]
  env         = ["N"]
  start       = START
  stop_signal = "SIGUSR1"
  destroy_grace_seconds = 300
  wait_for { state = "running" }
  labels {
    label = "n"
    value = "N"
  }
}
resource "docker_container" "b" {
  name        = "PREFIX-b"
  image       = "busybox:1"
  command     = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
  env         = ["N"]
  start       = START
  stop_signal = "SIGTERM"
  destroy_grace_seconds = 1
}
resource "docker_container" "c" {
  name        = "PREFIX-c"
  image       = "busybox:1"
  command     = ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"]
  env         = ["N"]
  start       = START
  restart     = "always"
  stop_timeout          = 300
  destroy_grace_seconds = 0
}
`)
	}
	first := config("true", "A=1")
	eachToday(t, first, "stop_signal: needs engine API 1.21", func(b bench) {
		ends := b.ends(b.prefix+"-a", b.prefix+"-b", b.prefix+"-c")
		coded := func(a, others string) resource.TestCheckFunc {
			return func(*terraform.State) error {
				for _, want := range []string{b.prefix + "-a " + a, b.prefix + "-b " + others, b.prefix + "-c " + others} {
					if err := ends(want); err != nil {
						return err
					}
				}
				return nil
			}
		}
		b.run(resource.ComposeTestCheckFunc(b.containerGone(b.prefix+"-a"), b.containerGone(b.prefix+"-b"), b.containerGone(b.prefix+"-c"), coded("7", "137")),
			resource.TestStep{Config: first, Check: b.trapped(b.prefix + "-a")},
			resource.TestStep{Config: config("true", "A=2"), Check: resource.ComposeTestCheckFunc(coded("7", "137"), b.trapped(b.prefix+"-a"))},
			resource.TestStep{Config: config("false", "A=2"), Check: coded("7", "137")},
			resource.TestStep{Config: config("true", "A=2"), Check: b.trapped(b.prefix + "-a")},
		)
	})
}

// trapped waits until a container has said that it is ready for signals.
func (b bench) trapped(name string) resource.TestCheckFunc {
	return func(*terraform.State) error {
		logs, err := b.docker.ContainerLogs(b.t.Context(), name, moby.ContainerLogsOptions{ShowStdout: true, Follow: true, Tail: "all"})
		if err != nil {
			return err
		}
		defer logs.Close()
		_, err = logs.Read(make([]byte, 1))
		return err
	}
}

// ends follows the ends of containers from now on. The function it returns waits for the next one of a container and holds
// it to its exit code: "name code".
func (b bench) ends(names ...string) func(want string) error {
	ctx := context.WithoutCancel(b.t.Context()) // the last ones come when the test is over
	stream := b.docker.Events(ctx, moby.EventsListOptions{Filters: moby.Filters{}.Add("type", string(events.ContainerEventType)).Add("container", names...).Add("event", "die", "died")})
	var seen []string
	return func(want string) error {
		name, _, _ := strings.Cut(want, " ")
		for {
			for i, end := range seen {
				if strings.HasPrefix(end, name+" ") {
					seen = append(seen[:i], seen[i+1:]...)
					return wants("end", end, want)
				}
			}
			select {
			case event := <-stream.Messages:
				seen = append(seen, fmt.Sprint(event.Actor.Attributes["name"], " ", event.Actor.Attributes["exitCode"]))
			case err := <-stream.Err:
				return err
			}
		}
	}
}

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/cleat-dev/cleat/internal/acctest"
)

// byHand are containers as people make them: flags of docker run or create, and the command. PORT is a free port. A row
// that begins with the name of an engine in parentheses is not for that engine.
var byHand = []string{
	"plain: busybox:1 sleep 1000",
	"interactive: -i -t --tty busybox:1",
	"env: -e A=1 -e B=two=three -e EMPTY= busybox:1 sleep 1000",
	"labels: --label a=b --label c.d/e=${x} busybox:1 sleep 1000",
	"entry: --entrypoint sleep busybox:1 1000",
	"user: -u 1000:1000 -w /tmp --group-add 20 busybox:1 sleep 1000",
	"names: --hostname me --domainname example.org busybox:1 sleep 1000",
	"hosts: --add-host db:10.1.2.3 --dns 10.9.9.9 --dns-search a.example --dns-option ndots:2 busybox:1 sleep 1000",
	"always: --restart always busybox:1 sleep 1000",
	"some: --restart on-failure:3 busybox:1 sleep 1000",
	"unless: --restart unless-stopped busybox:1 sleep 1000",
	"memory: -m 64m --memory-reservation 32m busybox:1 sleep 1000",
	"cpu: --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 busybox:1 sleep 1000",
	"quota: --cpu-period 50000 --cpu-quota 20000 busybox:1 sleep 1000",
	"fixed: -p 127.0.0.1:PORT:80 -p 127.0.0.1:PORT:53/udp busybox:1 sleep 1000",
	"random: -p 127.0.0.1::80 busybox:1 sleep 1000",
	"exposed: -P --expose 8080 busybox:1 sleep 1000",
	"volume: -v data:/data -v cache:/cache:ro busybox:1 sleep 1000",
	"anonymous: -v /scratch busybox:1 sleep 1000",
	"bind: -v /etc/hostname:/etc/name:ro busybox:1 sleep 1000",
	"(podman) mounts: --mount type=volume,source=data,target=/m --mount type=tmpfs,target=/t,tmpfs-size=1m busybox:1 sleep 1000",
	"tmpfs: --tmpfs /run:size=1m busybox:1 sleep 1000",
	"readonly: --read-only --shm-size 32m busybox:1 sleep 1000",
	"caps: --cap-drop MKNOD --cap-add NET_ADMIN busybox:1 sleep 1000",
	"secure: --security-opt no-new-privileges busybox:1 sleep 1000",
	"(podman) limits: --ulimit nofile=100:200 busybox:1 sleep 1000",
	"(podman) device: --device /dev/zero:/dev/nothing:r busybox:1 sleep 1000",
	"logged: --log-opt max-size=1m --log-opt max-file=2 busybox:1 sleep 1000",
	"stopping: --stop-signal SIGINT --stop-timeout 3 busybox:1 sleep 1000",
	"(podman) tini: --init busybox:1 sleep 1000",
	"health: --health-cmd true --health-interval 60s --health-retries 2 busybox:1 sleep 1000",
	"one: --network front --ip FRONT.10 --network-alias a busybox:1 sleep 1000",
	"two: --network front busybox:1 sleep 1000",
	"alone: --network none busybox:1 sleep 1000",
	"shared: --network host --uts host busybox:1 sleep 1000",
	"joined: --network container:plain --pid container:plain busybox:1 sleep 1000",
	"sys: --sysctl net.ipv4.ip_forward=1 busybox:1 sleep 1000",
	"dot.ted-9: busybox:1 sleep 1000",
	"done: busybox:1 true",
	"failed: busybox:1 sh -c exit\\ 3",
}

// populate makes all of it on an engine, with the docker CLI.
func populate(t *testing.T, e *acctest.Engine) (containers int) {
	t.Helper()
	docker := acctest.Program(t, "docker")
	run := func(ctx context.Context, args ...string) error {
		cmd := exec.CommandContext(ctx, docker, args...)
		cmd.Env = e.Env()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("docker %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	subnet := e.Subnet(7)
	front := strings.TrimSuffix(subnet.Addr().String(), ".0")
	for _, args := range [][]string{
		{"network", "create", "--subnet", subnet.String(), "--label", "a=b", "front"},
		{"network", "create", "--internal", "back"},
		{"volume", "create", "--label", "kind=data", "data"},
		{"volume", "create", "cache"},
	} {
		if err := run(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	made, later := []string{}, []string{}
	for _, row := range byHand {
		if not, rest, ok := strings.Cut(row, ") "); ok && strings.HasPrefix(row, "(") {
			if row = rest; not[1:] == e.Name {
				continue
			}
		}
		if strings.Contains(row, "container:plain") {
			later = append(later, row)
		} else {
			made = append(made, row)
		}
	}
	for _, rows := range [][]string{made, later} {
		group, ctx := errgroup.WithContext(t.Context())
		group.SetLimit(4)
		for _, row := range rows {
			name, words, _ := strings.Cut(row, ": ")
			words = strings.ReplaceAll(words, "FRONT", front)
			for strings.Contains(words, "PORT") {
				words = strings.Replace(words, "PORT", fmt.Sprint(acctest.FreePort(t)), 1)
			}
			args := []string{"run", "-d", "--name", name}
			for _, word := range strings.Split(strings.ReplaceAll(words, `\ `, "\x00"), " ") {
				args = append(args, strings.ReplaceAll(word, "\x00", " "))
			}
			group.Go(func() error { return run(ctx, args...) })
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"network", "connect", "--alias", "db", "back", "two"},
		{"create", "--name", "never", "busybox:1", "true"},
		{"stop", "-t", "0", "user"},
		{"wait", "done", "failed"},
	} {
		if err := run(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	return len(made) + len(later) + 1
}

// TestAdoptAll: what people have made by hand on an engine is written as configuration, and that configuration plans
// nothing, under cleat and under terraform; taken over it is the project's.
func TestAdoptAll(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) *acctest.Engine{
		"dockerd": acctest.NewDockerd, "podman": acctest.NewPodman,
		"cleatd": func(tb testing.TB) *acctest.Engine { tb.Helper(); return acctest.NewCleatd(tb) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adoptAll(t, start(t))
		})
	}
}

func adoptAll(t *testing.T, e *acctest.Engine) {
	containers := populate(t, e)
	const networks, volumes = 2, 2
	all := containers + networks + volumes

	cleat := newCleat(t, e, "adopted", "")
	if err := os.Remove(filepath.Join(cleat.dir, "main.tf")); err != nil { // a directory without configuration
		t.Fatal(err)
	}
	out := cleat.must(t, 0, "adopt", "-all")
	says(t, out, fmt.Sprintf("adopted.tf: %d containers, 2 networks, 2 volumes", containers), "has no name of its own")
	if strings.Contains(out, "would change") {
		t.Error(out)
	}
	says(t, cleat.must(t, 1, "adopt", "-all"), "adopted.tf is there already")
	source, err := os.ReadFile(filepath.Join(cleat.dir, "adopted.tf"))
	if err != nil {
		t.Fatal(err)
	}
	says(t, string(source), "docker_network.front.name", "docker_volume.data.name", "container:${docker_container.plain.id}", "docker_container.dot_ted-9")

	terraform := &project{driver: drivers(t)[1], engine: e, dir: t.TempDir()}
	terraform.write(t, "main.tf", "terraform {\n  required_providers {\n    docker = { source = \"cleat-dev/docker\" }\n  }\n}\n")
	terraform.write(t, "adopted.tf", string(source))
	terraform.must(t, 0, terraform.driver.prepare...)
	says(t, terraform.must(t, 0, "plan", "-no-color"), fmt.Sprintf("Plan: %d to import, 0 to add, 0 to change, 0 to destroy.", all))
	says(t, terraform.must(t, 0, "apply", "-no-color", "-auto-approve"), fmt.Sprintf("Apply complete! Resources: %d imported, 0 added, 0 changed, 0 destroyed.", all))
	terraform.must(t, 0, "plan", "-no-color", "-detailed-exitcode")

	terraform.generated(t, source)

	says(t, cleat.must(t, 0, "plan"), fmt.Sprintf("%d to adopt, 0 to add, 0 to change, 0 to replace, 0 to destroy", all))
	cleat.apply(t)
	cleat.must(t, 0, "plan", "-detailed-exitcode")
	cleat.write(t, "adopted.tf", regexp.MustCompile(`(?s)import \{.*?\n\}\n`).ReplaceAllString(string(source), ""))
	cleat.must(t, 0, "plan", "-detailed-exitcode")
	says(t, cleat.must(t, 0, "adopt", "-all", "-out", "more.tf"), "Nothing to adopt")
	cleat.destroy(t)
	if left := e.Inventory(t); slices.ContainsFunc(left, func(s string) bool { return strings.HasPrefix(s, "container ") }) {
		t.Errorf("left: %v", left)
	}
}

// generated lets Terraform write the configuration of the same objects: it plans nothing either.
func (p *project) generated(t *testing.T, source []byte) {
	t.Helper()
	other := &project{driver: p.driver, engine: p.engine, dir: t.TempDir()}
	main, err := os.ReadFile(filepath.Join(p.dir, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	imports := regexp.MustCompile(`(?s)import \{.*?\n\}\n`).FindAllString(string(source), -1)
	other.write(t, "main.tf", string(main)+strings.Join(imports, "\n"))
	other.must(t, 0, other.driver.prepare...)
	says(t, other.must(t, 0, "plan", "-no-color", "-generate-config-out=generated.tf"), fmt.Sprintf("Plan: %d to import, 0 to add, 0 to change, 0 to destroy.", len(imports)))
}

package e2e

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile/ownership"
)

// TestCrash kills cleat apply again and again, at random points of going from one of two configurations to the other,
// so that creates, changes, replacements and removals are all cut off. Whatever was left, the next apply makes of it
// exactly what is declared; nobody else's objects are touched; and in the end nothing is left.
//
// CLEAT_SEED repeats a run, as far as the engine is as fast as it was.
func TestCrash(t *testing.T) {
	hosted(t, func(t *testing.T, e *acctest.Engine) {
		kills := 50
		if e.Name == "podman" || testing.Short() {
			kills = 12
		}
		crash(t, e, kills)
	})
}

// TestCrashOld is TestCrash on an engine that has no networks and no volumes, and changes nothing in place but names:
// what is ours is known by the labels of containers and the ledger alone.
func TestCrashOld(t *testing.T) {
	t.Parallel()
	crash(t, acctest.NewHeldCleatd(t, "1.18"), 20)
}

func crash(t *testing.T, e *acctest.Engine, kills int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("CLEAT_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("CLEAT_SEED=%d", seed)
	before := inventory(t, e) // before the bystanders, which are removed after it is compared
	others := newBystanders(t, e, "crash-bystander")
	x := &crasher{project: newCleat(t, e, "cleat-crash", ""), random: rand.New(rand.NewPCG(seed, 0)), wanted: map[string][]string{
		"a": {
			"docker_container.api", `docker_container.here["x"]`, `docker_container.here["y"]`, "docker_container.named", "docker_container.web",
			"docker_container.worker", "docker_network.back", "docker_network.front", "docker_volume.cache", "docker_volume.data",
		},
		"b": {
			"docker_container.api", "docker_container.named", "docker_container.there[0]", "docker_container.there[1]", "docker_container.web",
			"docker_container.worker", "docker_network.back", "docker_network.front", "docker_volume.data", "docker_volume.logs",
		},
	}}
	if e.IsOld() {
		x.prefix = "old-"
		for name, addresses := range x.wanted {
			x.wanted[name] = slices.DeleteFunc(addresses, func(a string) bool { return !strings.HasPrefix(a, "docker_container.") })
		}
	}
	x.measure(t)
	for x.killed < kills {
		x.kill(t)
		if x.random.IntN(2) == 0 { // else the next one finds what two of them left
			x.converge(t)
			others.untouched(t)
		}
	}
	x.converge(t)
	t.Logf("killed %d times at work (%d ended before), %d locks left behind, %d times objects stood aside or twice, %d applies converged",
		x.killed, x.late, x.locks, x.halves, x.converged)
	if x.locks == 0 {
		t.Error("no kill left a lock behind: the kills came at no time that matters")
	}
	for range kills / 6 {
		x.killDestroy(t)
		others.untouched(t)
	}
	// Images without a name are the steps of builds, which the engine keeps for the next build.
	without := slices.DeleteFunc(inventory(t, e), func(line string) bool {
		return strings.Contains(line, others.name) || strings.HasPrefix(line, "image <none>")
	})
	if diff := cmp.Diff(before, without); diff != "" {
		t.Errorf("the engine before and after (-before +after):\n%s", diff)
	}
}

// crasher kills one project's applies.
type crasher struct {
	project *project
	random  *rand.Rand
	prefix  string              // of the names of the configurations
	wanted  map[string][]string // addresses by configuration
	takes   time.Duration       // of an apply that is not killed

	release                                int // makes the build context differ every time
	killed, late, locks, halves, converged int
}

// choose puts one of the two configurations in place and returns its name.
func (x *crasher) choose(t *testing.T, name string) {
	t.Helper()
	source := filepath.Join("testdata", "crash")
	for from, to := range map[string]string{x.prefix + name + ".tf": "main.tf", "app/Dockerfile": "app/Dockerfile"} {
		content, err := os.ReadFile(filepath.Join(source, from))
		if err != nil {
			t.Fatal(err)
		}
		x.project.write(t, to, string(content))
	}
	x.release++
	x.project.write(t, "app/release", strconv.Itoa(x.release)+"\n")
}

// measure finds out how long an apply takes that is not killed, in both directions.
func (x *crasher) measure(t *testing.T) {
	t.Helper()
	for _, name := range []string{"a", "b", "a"} {
		x.choose(t, name)
		begun := time.Now()
		x.apply(t)
		x.takes = max(x.takes, time.Since(begun))
		x.check(t, name)
	}
}

// killDestroy kills a destruction, lets another one finish, and finds nothing left. The first of them finds a whole
// project, the others make it first.
func (x *crasher) killDestroy(t *testing.T) {
	t.Helper()
	if len(x.project.owned(t)) == 0 {
		x.choose(t, "a")
		x.apply(t)
	}
	x.run(t, "destroy", "-auto-approve")
	x.project.destroy(t)
	if left := x.project.owned(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// kill begins an apply and kills it at a random moment.
func (x *crasher) kill(t *testing.T) {
	t.Helper()
	x.choose(t, x.either())
	x.run(t, "apply", "-auto-approve")
}

// run begins a command and kills it at a random moment.
func (x *crasher) run(t *testing.T, args ...string) {
	t.Helper()
	var out strings.Builder
	cmd := x.project.command(t.Context(), &out, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Duration(x.random.Int64N(int64(x.takes))), func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if timer.Stop() || err == nil {
		x.ended(t, args[0], err, out.String())
		return
	}
	if cmd.ProcessState.Exited() {
		x.ended(t, args[0], err, out.String())
		return
	}
	x.killed++
	left := x.project.owned(t)
	if slices.Contains(left, ownership.LockName(x.project.name())) {
		x.locks++
	}
	if len(slices.Compact(slices.Clone(left))) < len(left) || slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, "aside") }) {
		x.halves++
	}
}

// interfaces is what podman answers, rarely, when it makes a network while an interface of the host goes away: it
// lists them without a lock. The same command succeeds then.
const interfaces = "no such network interface"

// ended counts a command that ended by itself, which has to be a success.
func (x *crasher) ended(t *testing.T, command string, err error, out string) {
	t.Helper()
	x.late++
	if err != nil && !strings.Contains(out, interfaces) {
		t.Fatalf("%s: %v\n%s", command, err, lastLines(out, 60))
	}
}

// apply applies without being killed.
func (x *crasher) apply(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	code, out := x.project.run(ctx, "apply", "-auto-approve")
	if code != 0 && strings.Contains(out, interfaces) {
		code, out = x.project.run(ctx, "apply", "-auto-approve")
	}
	if code != 0 {
		t.Fatalf("apply: exit %d\n%s", code, lastLines(out, 60))
	}
}

func (x *crasher) either() string { return []string{"a", "b"}[x.random.IntN(2)] }

// converge applies one of the configurations without killing.
func (x *crasher) converge(t *testing.T) {
	t.Helper()
	name := x.either()
	x.choose(t, name)
	x.apply(t)
	x.check(t, name)
	x.converged++
}

// check demands that everything is as the configuration declares.
func (x *crasher) check(t *testing.T, name string) {
	t.Helper()
	want := append([]string{ownership.LedgerName(x.project.name())}, x.wanted[name]...)
	slices.Sort(want)
	x.project.settled(t, want)
	for _, line := range inventory(t, x.project.engine) {
		if strings.HasPrefix(line, "image ") && strings.Contains(line, "cleat-crash") &&
			!slices.ContainsFunc([]string{"/app:1", "/app:stable", "/snapshot:1"}, func(tag string) bool { return strings.HasSuffix(line, tag) }) {
			t.Fatalf("an image nobody declared: %s", line)
		}
	}
}

// waitFor receives one value or fails the test when the context ends first.
func waitFor[T any](ctx context.Context, t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-from:
		if ok {
			return v
		}
		t.Fatalf("%s: the events ended", what)
	case <-ctx.Done():
		t.Fatalf("%s: %v", what, ctx.Err())
	}
	panic("unreachable")
}

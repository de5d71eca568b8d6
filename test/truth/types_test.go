package truth_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/internal/acctest"
	"github.com/cleat-dev/cleat/reconcile/plan"
)

// TestTypes: of every type but docker_container, each attribute gets another value. The plan names all of them, and the one
// after it is empty.
func TestTypes(t *testing.T) {
	eachToday(t, func(t *testing.T, b *bench) {
		registry := acctest.NewRegistry(t, acctest.Auth{})
		b.files()
		if b.podman() { // podman 4.3 can lose the manifest of an image that it makes while it makes another
			b.parallelism = 1
		}
		first, second := b.engine.Subnet(11), b.engine.Subnet(12)
		words := strings.NewReplacer(
			"{p}", b.project, "{dir}", b.dir, "{registry}", registry.Address, "{net1}", b.network(7), "{net2}", b.network(8),
			"{ip7}", addresses(b, 7), "{ip8}", addresses(b, 8), "{six7}", sixes(b, 7), "{six8}", sixes(b, 8),
			"{subnet1}", first.String(), "{subnet2}", second.String(), "{subnet3}", b.engine.Subnet(13).String(), "{n}", fmt.Sprintf("%x", first.Addr().As4()[1]), "{host1}", addresses(b, 11), "{host2}", addresses(b, 12),
		)
		b.change(words.Replace(world+objects), func() {})
	})
}

// TestSwarmTypes is the same for what a swarm has. All of a service but its name is in one specification, so that the first
// one, put in the place of the second, is drift of everything. No task runs: no node is what the constraints demand, or there are no replicas.
func TestSwarmTypes(t *testing.T) {
	t.Parallel()
	b := newBench(t, acctest.Swarm(t))
	words := []string{"{p}", b.project}
	for _, port := range []string{"{port1}", "{port2}", "{port3}"} {
		words = append(words, port, fmt.Sprint(acctest.FreePort(t)))
	}
	inspect := func(name string) swarm.Service {
		found, err := b.api.ServiceInspect(b.Context(), name, moby.ServiceInspectOptions{})
		b.must(err)
		return found.Service
	}
	names := []string{b.project, b.project + "-port"}
	first := map[string]swarm.ServiceSpec{}
	b.change(strings.NewReplacer(words...).Replace(swarmObjects), func() {
		for _, name := range names {
			first[name] = inspect(name).Spec
		}
	})
	for _, name := range names {
		now, was := inspect(name), first[name]
		if _, labelled := now.Spec.Labels["y"]; labelled {
			delete(now.Spec.Labels, "y")
			now.Spec.Labels["x"] = "1"
		}
		was.Labels = now.Spec.Labels // ours are those of now
		_, err := b.api.ServiceUpdate(b.Context(), now.ID, moby.ServiceUpdateOptions{Version: now.Version, Spec: was})
		b.must(err)
	}
	b.want("the first specifications again", b.apply().String(),
		"docker_service.a update endpoint_spec(drift) labels(drift) mode(drift) rollback_config(drift) task_spec(drift) update_config(drift)\n"+
			"docker_service.port update endpoint_spec(drift)\n")
	b.empty("drift")
}

// change takes a configuration, <first|second> in the place of what changes, from the first values to the second.
// between is called when the first are made.
func (b *bench) change(text string, between func()) {
	b.Helper()
	text = b.only(text)
	b.write(pick(text, 1))
	b.Cleanup(b.destroy)
	b.apply()
	b.empty("creation")
	between()
	b.write(pick(text, 2))
	made := b.apply()
	for address, want := range changing(text) {
		i := slices.IndexFunc(made.Steps, func(s *plan.Step) bool { return s.Address.String() == address })
		if i < 0 {
			b.Errorf("%s: nothing is planned, want changes of %v", address, want)
			continue
		}
		for _, name := range want {
			if words := strings.Fields(changes(made.Steps[i])); !slices.Contains(words, name) && !slices.Contains(words, name+"!") {
				b.Errorf("%s: the plan changes %v, and not %s", address, words, name)
			}
		}
	}
	b.empty("changes")
}

var (
	alternatives = regexp.MustCompile(`<([^<>|]*)\|([^<>|]*)>`)
	resourceLine = regexp.MustCompile(`^resource "(\w+)" "(\w+)"`)
	nameInLine   = regexp.MustCompile(`^\w+`)
)

// pick is a configuration with its first or second values.
func pick(text string, which int) string {
	return alternatives.ReplaceAllString(text, fmt.Sprintf("$%d", which))
}

// only leaves out the lines that begin with names of other engines: "@dockerd,cleatd mac_address = …".
func (b *bench) only(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		names, rest, marked := strings.Cut(strings.TrimSpace(line), " ")
		if names, ok := strings.CutPrefix(names, "@"); ok && marked {
			if !slices.Contains(strings.Split(names, ","), b.engine.Name) {
				continue
			}
			line = rest
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// changing are the attributes and blocks with two values, by the address of their object.
func changing(text string) map[string][]string {
	found := map[string][]string{}
	address, top, depth := "", "", 0
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if m := resourceLine.FindStringSubmatch(line); m != nil {
			address = m[1] + "." + m[2]
		} else if depth == 1 && line != "}" {
			top = nameInLine.FindString(line)
		}
		if alternatives.MatchString(line) && !slices.Contains(found[address], top) {
			found[address] = append(found[address], top)
		}
		for _, r := range alternatives.ReplaceAllString(line, "") {
			switch r {
			case '{':
				depth++
			case '}':
				depth--
			}
		}
	}
	return found
}

// files are what is built, copied and unpacked.
func (b *bench) files() {
	b.Helper()
	for name, content := range map[string]string{
		"one/Dockerfile": "FROM busybox:1\nLABEL is=one\nFROM busybox:1 AS other\nLABEL is=other\n", "one/Other": "FROM busybox:1\nLABEL is=one-other\nFROM busybox:1 AS other\nLABEL is=x\n",
		"two/Dockerfile": "FROM busybox:1\nLABEL is=two\nFROM busybox:1 AS other\nLABEL is=y\n", "two/Other": "FROM busybox:1\nLABEL is=two-other\nFROM busybox:1 AS other\nLABEL is=z\n",
		"first/f": "one", "second/f": "two",
	} {
		name = filepath.Join(b.dir, name)
		b.must(os.MkdirAll(filepath.Dir(name), 0o755))
		b.must(os.WriteFile(name, []byte(content), 0o644))
	}
	for _, name := range []string{"first", "second"} {
		b.must(os.WriteFile(filepath.Join(b.dir, name+".tar"), tarOf(b, name), 0o644))
	}
}

// addresses is the part of the addresses of a network that all of them have.
func addresses(b *bench, n int) string {
	four := b.engine.Subnet(n).Addr().As4()
	return fmt.Sprintf("%d.%d.%d", four[0], four[1], four[2])
}

func sixes(b *bench, n int) string {
	four := b.engine.Subnet(n).Addr().As4()
	return fmt.Sprintf("fd00:%x:%x:", four[1], four[2])
}

// tarOf is an archive of one file.
func tarOf(b *bench, content string) []byte {
	b.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	b.must(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "f", Mode: 0o644, Size: int64(len(content))}))
	_, err := w.Write([]byte(content))
	b.must(err)
	b.must(w.Close())
	return archive.Bytes()
}

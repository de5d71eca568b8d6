package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// module is the path all our imports begin with.
const module = "github.com/cleat-dev/cleat"

// A layer says what the packages of one part of the tree may import of ours. Patterns are folders: "api/errs" is one
// package, "api/..." everything in and below api, "." the root.
type layer struct {
	packages string
	may      []string
}

// layers is the table. The first row that matches a package holds; a package without a row is an error, so that a
// new part of the tree has to say where it belongs.
var layers = []layer{
	{"api/...", []string{"api/..."}},
	{"client/...", []string{"api/...", "internal/..."}},

	{"resources/contract", []string{"api/..."}},
	{"resources/swarm", []string{"resources/contract", "api/errs"}},                                                      // what the types of a swarm share
	{"resources/registryimage", []string{"resources/contract", "resources/image", "client", "api/errs", "internal/..."}}, // pushes what it builds
	{"resources/container", []string{"resources/contract", "resources/image", "client", "api/errs", "internal/..."}},     // pulls what the engine lacks
	{"resources/compose", []string{"resources/contract", "resources/image", "client", "api/errs", "internal/..."}},       // pulls and builds what it runs
	{"resources/...", []string{"resources/contract", "resources/swarm", "client", "api/errs", "internal/..."}},
	{"datasources/...", []string{"datasources/filter", "resources/contract", "client", "api/errs", "internal/..."}},
	{"actions/...", []string{"resources/contract", "client", "api/errs", "internal/..."}},
	{"ephemerals/...", []string{"resources/contract", "client", "api/errs", "internal/..."}},
	{"provider/...", []string{"resources/...", "datasources/...", "client", "api/errs", "internal/...", "provider/..."}},

	// One way: HCL -> config -> desired; engine -> observe; both -> plan -> apply -> view. The root and host put
	// the parts together, and host is where models meet cty values.
	{"reconcile/graph", []string{"internal/..."}},
	{"reconcile/config", reconcile("graph")},
	{"reconcile/ownership", append(reconcile("graph"), "client")},
	{"reconcile/observe", reconcile("graph", "ownership")},
	{"reconcile/plan", reconcile("graph", "config", "ownership", "observe")},
	{"reconcile/apply", reconcile("graph", "config", "ownership", "observe", "plan")},
	{"reconcile/generate", reconcile("graph", "config", "observe", "plan")},
	{"reconcile/view", reconcile("graph", "config", "ownership", "observe", "plan", "apply", "generate")},
	{"reconcile/...", append(reconcile("..."), "client")},

	{"daemon/server", []string{"api/...", "internal/..."}},
	{"daemon/routes/...", []string{"daemon/server", "api/...", "internal/..."}},
	{"daemon", []string{"daemon/...", "api/...", "internal/..."}},
	{"daemon/...", []string{"daemon/...", "api/...", "internal/..."}}, // plural and singular: see daemonRule

	// The catalog lists every type for both hosts; it is the one internal package that knows the domain.
	{"internal/catalog", []string{"resources/...", "datasources/...", "ephemerals/...", "actions/...", "client", "api/...", "internal/..."}},
	{"internal/...", []string{"api/...", "internal/..."}},

	{"cmd/cleat", []string{"reconcile/...", "resources/contract", "client", "api/...", "internal/...", "cmd/cleat/..."}},
	{"cmd/...", []string{"daemon/...", "api/...", "internal/...", "cmd/..."}},
	{".", []string{"provider", "internal/..."}},
	{"test/...", []string{"..."}},
	{"examples/...", []string{"..."}},
}

// reconcile is what every package of the engine may import, and these of its neighbours.
func reconcile(parts ...string) []string {
	may := []string{"resources/contract", "api/errs", "api/version", "internal/..."}
	for _, part := range parts {
		may = append(may, "reconcile/"+part)
	}
	return may
}

// services are the plural folders of the daemon: nouns of its API. The others are mechanisms.
var services = []string{"containers", "images", "networks", "volumes", "execs", "builds"}

// matches reports whether a folder is covered by a pattern.
func matches(pattern, folder string) bool {
	if pattern == "..." {
		return true
	}
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return folder == prefix || strings.HasPrefix(folder, prefix+"/")
	}
	return pattern == folder
}

// checkImport returns what is wrong with a package importing another of ours, empty when nothing is.
func checkImport(from, to string) string {
	row := slices.IndexFunc(layers, func(l layer) bool { return matches(l.packages, from) })
	if row < 0 {
		return fmt.Sprintf("%s has no row in the table of imports (internal/archtest/layers.go)", from)
	}
	if !slices.ContainsFunc(layers[row].may, func(pattern string) bool { return matches(pattern, to) }) {
		return fmt.Sprintf("%s must not import %s: it may import %s", from, to, strings.Join(layers[row].may, ", "))
	}
	return daemonRule(from, to)
}

// daemonRule keeps services apart from each other, and mechanisms from knowing services.
func daemonRule(from, to string) string {
	fromPart, fromDaemon := strings.CutPrefix(from, "daemon/")
	toPart, toDaemon := strings.CutPrefix(to, "daemon/")
	if !fromDaemon || !toDaemon {
		return ""
	}
	fromPart, _, _ = strings.Cut(fromPart, "/")
	toPart, _, _ = strings.Cut(toPart, "/")
	if fromPart != toPart && slices.Contains(services, toPart) {
		return fmt.Sprintf("%s must not import the service %s: declare the interface it needs", from, to)
	}
	return ""
}

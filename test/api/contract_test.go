package api

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// endpoint is one section of the document.
type endpoint struct {
	call string
	// parameters and statuses the document lists. 500 is left out where the document means any failure of the server.
	parameters, statuses string
	// goTest covers what tables cannot say; parameters and statuses are not looked for then.
	goTest string
}

var contract = []endpoint{
	{call: "GET /containers/json", parameters: "all limit since before size filters", statuses: "200 400"},
	{call: "POST /containers/create", parameters: "name", statuses: "201 400 404 409"}, // 406 is about attaching, which create does not do
	{call: "GET /containers/{id}/json", statuses: "200 404"},
	{call: "GET /containers/{id}/top", parameters: "ps_args", statuses: "200 404"},
	{call: "GET /containers/{id}/logs", parameters: "follow stdout stderr timestamps tail", statuses: "200 404"},
	{call: "GET /containers/{id}/changes", statuses: "200 404"},
	{call: "GET /containers/{id}/export", statuses: "200 404"},
	{call: "GET /containers/{id}/stats", goTest: "TestStats"},
	{call: "POST /containers/{id}/resize", parameters: "h w", statuses: "200 404 500"},
	{call: "POST /containers/{id}/start", statuses: "204 304 404 500"},
	{call: "POST /containers/{id}/stop", parameters: "t", statuses: "204 304 404"},
	{call: "POST /containers/{id}/restart", parameters: "t", statuses: "204 404"},
	{call: "POST /containers/{id}/kill", parameters: "signal", statuses: "204 404"},
	{call: "POST /containers/{id}/rename", parameters: "name", statuses: "204 404 409"},
	{call: "POST /containers/{id}/pause", statuses: "204 404"},
	{call: "POST /containers/{id}/unpause", statuses: "204 404"},
	{call: "POST /containers/{id}/attach", goTest: "TestAttach"},
	{call: "GET /containers/{id}/attach/ws", goTest: "TestWebsocket"},
	{call: "POST /containers/{id}/wait", statuses: "200 404"},
	{call: "DELETE /containers/{id}", parameters: "v force link", statuses: "204 404 409"},
	{call: "POST /containers/{id}/copy", statuses: "200 404"},
	{call: "GET /images/json", parameters: "all filters filter digests", statuses: "200"},
	{
		call:       "POST /build",
		parameters: "dockerfile t remote q nocache pull rm forcerm memory memswap cpushares cpusetcpus", statuses: "200 500",
	},
	{call: "POST /images/create", parameters: "fromImage fromSrc repo tag", statuses: "200"}, // 404: TestRegistry
	{call: "GET /images/{name}/json", statuses: "200 404"},
	{call: "GET /images/{name}/history", statuses: "200 404"},
	{call: "POST /images/{name}/push", goTest: "TestRegistry"},
	{call: "POST /images/{name}/tag", parameters: "repo force tag", statuses: "201 400 404 409"},
	{call: "DELETE /images/{name}", parameters: "force noprune", statuses: "200 404 409"},
	{call: "GET /images/search", parameters: "term", statuses: "500"}, // 200 needs an index
	{call: "POST /auth", goTest: "TestRegistry"},
	{call: "GET /info", statuses: "200"},
	{call: "GET /version", statuses: "200"},
	{call: "GET /_ping", statuses: "200"},
	{call: "POST /commit", parameters: "container repo tag comment author", statuses: "201 404"},
	{call: "GET /events", parameters: "since until filters", statuses: "200"},
	{call: "GET /images/{name}/get", statuses: "200"},
	{call: "GET /images/get", parameters: "names", statuses: "200"},
	{call: "POST /images/load", statuses: "500"}, // 200: TestSaveAndLoad
	{call: "POST /containers/{id}/exec", statuses: "201 404"},
	{call: "POST /exec/{id}/start", statuses: "200 404"},
	{call: "POST /exec/{id}/resize", parameters: "h w", statuses: "201 404"},
	{call: "GET /exec/{id}/json", statuses: "200 404"},
}

// used is what the cases ask of one endpoint.
type used struct{ parameters, statuses map[string]bool }

// Every endpoint, every parameter and every status code of the documents is in some case.
func TestContractIsCovered(t *testing.T) {
	t.Parallel()
	for at, contract := range map[string][]endpoint{prefix: contract, "/v1.2": contract12} {
		t.Run(path.Base(at), func(t *testing.T) { t.Parallel(); covered(t, at, contract) })
	}
}

func covered(t *testing.T, prefix string, contract []endpoint) {
	t.Helper()
	asked, endpoints := map[string]used{}, patterns(contract)
	for _, group := range readCases(t) {
		for _, c := range group.cases {
			if c.Prefix == prefix {
				note(asked, endpoints, c.Lines)
			}
		}
	}
	tests := goTests(t)
	for _, e := range contract {
		u, ok := asked[e.call]
		if e.goTest != "" {
			if !tests[e.goTest] {
				t.Errorf("%s: no test %s", e.call, e.goTest)
			}
			continue
		}
		if !ok {
			t.Errorf("no case asks %s", e.call)
			continue
		}
		for _, parameter := range strings.Fields(e.parameters) {
			if !u.parameters[parameter] {
				t.Errorf("no case gives %s the parameter %s", e.call, parameter)
			}
		}
		for _, status := range strings.Fields(e.statuses) {
			if !u.statuses[status] {
				t.Errorf("no case has %s answer %s", e.call, status)
			}
		}
	}
}

var requestLine = regexp.MustCompile(`^(GET|POST|DELETE) (/[^?]*)(?:\?(.*))?$`)

func note(asked map[string]used, endpoints []pattern, lines []string) {
	call := ""
	for _, line := range lines {
		if found := requestLine.FindStringSubmatch(line); found != nil {
			call = endpointOf(endpoints, found[1]+" "+found[2])
			if _, ok := asked[call]; !ok {
				asked[call] = used{map[string]bool{}, map[string]bool{}}
			}
			query, err := url.ParseQuery(found[3])
			if err != nil {
				query = url.Values{}
			}
			for parameter := range query {
				asked[call].parameters[parameter] = true
			}
		} else if rest, ok := strings.CutPrefix(line, "= "); ok && call != "" {
			status, _, _ := strings.Cut(rest, " ")
			for code := range strings.SplitSeq(status, "|") {
				asked[call].statuses[code] = true
			}
		}
	}
}

type pattern struct {
	call string
	*regexp.Regexp
}

// patterns are the endpoints as regular expressions, those without a name in them first.
func patterns(contract []endpoint) []pattern {
	all := make([]pattern, 0, len(contract))
	for _, e := range contract {
		expression := strings.NewReplacer(`\{id\}`, `[^/]+`, `\{name\}`, `.+`).Replace(regexp.QuoteMeta(e.call))
		all = append(all, pattern{e.call, regexp.MustCompile("^" + expression + "$")})
	}
	slices.SortStableFunc(all, func(a, b pattern) int { return strings.Count(a.call, "{") - strings.Count(b.call, "{") })
	return all
}

// endpointOf finds the endpoint of the document that a request is for; "" for none.
func endpointOf(endpoints []pattern, request string) string {
	for _, p := range endpoints {
		if p.MatchString(request) {
			return p.call
		}
	}
	return ""
}

// goTests are the names of the tests of this package.
func goTests(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`).FindAllSubmatch(raw, -1) {
			tests[string(found[1])] = true
		}
	}
	return tests
}

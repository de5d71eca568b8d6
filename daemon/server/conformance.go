package server

import (
	"fmt"
	"strings"
)

// Conformance writes design/api-conformance.md: for each call of each document whether the routes serve it at its version,
// and what they serve beyond all of them. missing is the number of calls they do not serve. The test of the program that
// has all routes compares the file with it.
func Conformance(routes []Route, documents []Document) (markdown string, missing int, err error) {
	s, err := New(Config{Routes: routes})
	if err != nil {
		return "", 0, err
	}
	var out strings.Builder
	out.WriteString("# Conformance with the documents of the API\n\nGenerated from the table of routes by `go test ./cmd/cleatd -run TestConformance -update`; " +
		"do not edit.\nVersions are those the call is served at; `…` is without bound.\n")
	known := map[string]bool{}
	for _, d := range documents {
		missing += s.conformance(&out, d, known)
	}
	out.WriteString("\n## Beyond the documents\n\n| call | versions |\n|---|---|\n")
	for _, route := range s.Routes() {
		if !known[route.Method+" "+route.Path] {
			fmt.Fprintf(&out, "| `%s %s` | %s |\n", route.Method, route.Path, bounds(route))
		}
	}
	return out.String(), missing, nil
}

// conformance writes the table of one document, and notes in known the routes it has.
func (s *Server) conformance(out *strings.Builder, d Document, known map[string]bool) (missing int) {
	lone := 0
	fmt.Fprintf(out, "\n## %s\n\n| section | call | versions | at %s |\n|---|---|---|---|\n", d.Name, d.At)
	for _, call := range d.Calls {
		served, versions := "no", ""
		b, _ := s.routes.find(call.Method, strings.Split(call.Path[1:], "/"), d.At, nil)
		switch {
		case call.Lone:
			served = "as a lone engine"
			lone++
		case b != nil && shape(b.Path) == shape(call.Path):
			served = "yes"
		default:
			missing++
		}
		if b != nil && served != "no" {
			versions = bounds(b.Route)
			known[b.Method+" "+b.Path] = true
		}
		fmt.Fprintf(out, "| %s | `%s %s` | %s | %s |\n", call.Heading, call.Method, call.Path, versions, served)
	}
	fmt.Fprintf(out, "\n%d of %d calls of the document are served", len(d.Calls)-missing-lone, len(d.Calls))
	if lone > 0 {
		fmt.Fprintf(out, ", %d as a lone engine does", lone)
	}
	out.WriteString(".\n")
	return missing
}

// shape is a path without the names of its variables.
func shape(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "{}"
		}
	}
	return strings.Join(segments, "/")
}

// bounds are the versions a route is served at, of those the daemon speaks.
func bounds(r Route) string {
	from, to := r.Since, "…"
	if from.Before(Oldest()) {
		from = Oldest()
	}
	if !r.Until.IsZero() {
		to = "before " + r.Until.String()
	}
	return from.String() + " " + to
}

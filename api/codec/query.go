package codec

import (
	"encoding/json"
	"net/url"
	"slices"

	"github.com/cleat-dev/cleat/api/version"
)

// QueryStep is one difference of a query between two versions.
type QueryStep struct {
	Since version.Version
	What  string
	// Up and Down as in [Step].
	Up, Down func(url.Values)
}

// queryDown lowers a query of the newest form to version to.
func queryDown(steps []QueryStep, q url.Values, to version.Version) {
	for _, step := range slices.Backward(steps) {
		if step.Down != nil && to.Before(step.Since) {
			step.Down(q)
		}
	}
}

// filterSteps: filters were lists of values before they were sets. Both are accepted from 1.22 on.
var filterSteps = []QueryStep{{Since: v1(22), What: "filters are sets", Up: filtersToSets, Down: filtersToLists}}

// tagSteps: the daemon keeps force, which the trait tag-needs-force is about.
var tagSteps = []QueryStep{{Since: v1(24), What: "a tag always moves", Down: func(q url.Values) { q.Set("force", "1") }}}

var volumeRemoveSteps = []QueryStep{{Since: v1(25), What: "force", Down: func(q url.Values) { q.Del("force") }}}

// Filters returns the filters of a query, in either of their forms, with the values of each term sorted.
func Filters(q url.Values) map[string][]string {
	raw := q.Get("filters")
	var sets map[string]map[string]bool
	if json.Unmarshal([]byte(raw), &sets) == nil {
		lists := make(map[string][]string, len(sets))
		for term, values := range sets {
			lists[term] = []string{}
			for value, on := range values {
				if on {
					lists[term] = append(lists[term], value)
				}
			}
			slices.Sort(lists[term])
		}
		return lists
	}
	var lists map[string][]string
	if json.Unmarshal([]byte(raw), &lists) != nil {
		return nil
	}
	for _, values := range lists {
		slices.Sort(values)
	}
	return lists
}

// SetFilters puts filters into a query in the form of version v; none remove them.
func SetFilters(q url.Values, filters map[string][]string, v version.Version) {
	if len(filters) == 0 {
		q.Del("filters")
		return
	}
	var form any = filters
	if !v.Before(v1(22)) {
		sets := make(map[string]map[string]bool, len(filters))
		for term, values := range filters {
			sets[term] = make(map[string]bool, len(values))
			for _, value := range values {
				sets[term][value] = true
			}
		}
		form = sets
	}
	if raw, err := json.Marshal(form); err == nil { // maps of strings always marshal
		q.Set("filters", string(raw))
	}
}

// addFilter adds one value to the filters of a query. Filters that cannot be read stay: the handler refuses them.
func addFilter(q url.Values, term, value string) {
	filters := Filters(q)
	if filters == nil {
		if q.Get("filters") != "" {
			return
		}
		filters = map[string][]string{}
	}
	if !slices.Contains(filters[term], value) {
		filters[term] = append(filters[term], value)
	}
	SetFilters(q, filters, v1(22))
}

func filtersToLists(q url.Values) { reform(q, v1(21)) }

func filtersToSets(q url.Values) { reform(q, v1(22)) }

// reform leaves filters it cannot read to the engine, which says what is wrong with them.
func reform(q url.Values, v version.Version) {
	if filters := Filters(q); filters != nil {
		SetFilters(q, filters, v)
	}
}

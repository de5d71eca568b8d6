package buildcontext

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// named is how many differences an explanation spells out.
const named = 3

// Explain says in words how two folded manifests differ: "Dockerfile changed; added src/a.txt; 3 more". A
// Dockerfile comes first. It is "" when nothing differs.
func Explain(before, after map[string]string) string {
	differences := compare(before, after)
	slices.SortStableFunc(differences, func(a, b difference) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.kind, b.kind), strings.Compare(a.name, b.name))
	})
	var words []string
	for i, d := range differences {
		if i == named && len(differences) > named {
			words = append(words, fmt.Sprintf("%d more", len(differences)-named))
			break
		}
		words = append(words, d.String())
	}
	return strings.Join(words, "; ")
}

type kind int

const (
	changed kind = iota
	added
	removed
)

type difference struct {
	kind kind
	name string
}

// rank orders Dockerfiles before all else.
func (d difference) rank() int {
	base := strings.ToLower(path.Base(d.name))
	if base == "dockerfile" || strings.HasPrefix(base, "dockerfile.") || strings.HasSuffix(base, ".dockerfile") {
		return 0
	}
	return 1
}

func (d difference) String() string {
	switch d.kind {
	case added:
		return "added " + d.name
	case removed:
		return "removed " + d.name
	default:
		return d.name + " changed"
	}
}

// compare lists the differences. A directory that only one side folds is compared as a whole, because the other
// side's files in it cannot be told apart.
func compare(before, after map[string]string) []difference {
	found := map[string]kind{}
	for name, hash := range after {
		switch old, ok := before[name]; {
		case ok && old == hash:
		case ok:
			found[name] = changed
		default:
			note(found, before, name, added)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			note(found, after, name, removed)
		}
	}
	for name := range found { // what lies below a folded directory is said by it
		if _, ok := foldedParent(name, func(dir string) bool { k, ok := found[dir]; return ok && k == changed }); ok {
			delete(found, name)
		}
	}
	differences := make([]difference, 0, len(found))
	for name, k := range found {
		differences = append(differences, difference{k, name})
	}
	return differences
}

// note records a name only one side has: as a change of the directory the other side folds it into, or of the
// folded directory it is itself, or as what it is.
func note(found map[string]kind, other map[string]string, name string, k kind) {
	if parent, ok := foldedParent(name, func(dir string) bool { _, ok := other[dir]; return ok }); ok {
		found[parent] = changed
		return
	}
	if strings.HasSuffix(name, "/") {
		for unfolded := range other {
			if name == "./" || strings.HasPrefix(unfolded, name) {
				found[name] = changed
				return
			}
		}
	}
	found[name] = k
}

// foldedParent returns the outermost directory above name for which is holds.
func foldedParent(name string, is func(string) bool) (string, bool) {
	if name != "./" && is("./") {
		return "./", true
	}
	for i := range len(name) - 1 {
		if name[i] == '/' && is(name[:i+1]) {
			return name[:i+1], true
		}
	}
	return "", false
}

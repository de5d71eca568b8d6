package buildcontext

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// shortHash is how many hexadecimal digits of a hash a folded manifest keeps: 64 bits, for telling change from no
// change, not for security.
const shortHash = 16

// Fold returns path -> short hash with at most limit entries. Where there are more files, whole directories stand as
// one entry "dir/" whose hash covers everything below: the deepest first, among these the fullest. Equal manifests
// fold equally, and a difference anywhere is a difference in the result.
func (m Manifest) Fold(limit int) map[string]string {
	leaves := make(map[string]string, len(m.Entries))
	for _, e := range m.Entries {
		if e.Hash != "" {
			leaves[e.name()] = e.Hash
		}
	}
	if len(leaves) > limit {
		leaves = fold(leaves, limit)
	}
	for name, hash := range leaves {
		leaves[name] = hash[:shortHash]
	}
	return leaves
}

// fold replaces directories by one entry each until there are no more than limit.
func fold(leaves map[string]string, limit int) map[string]string {
	below := map[string][]string{} // directory "a/b/" -> names of all leaves in it, at any depth
	for name := range leaves {
		for i := range len(name) - 1 { // a trailing slash is the leaf itself
			if name[i] == '/' {
				below[name[:i+1]] = append(below[name[:i+1]], name)
			}
		}
	}
	dirs := make([]string, 0, len(below))
	for dir := range below {
		dirs = append(dirs, dir)
	}
	slices.SortFunc(dirs, func(a, b string) int {
		return cmp.Or(
			cmp.Compare(strings.Count(b, "/"), strings.Count(a, "/")),
			cmp.Compare(len(below[b]), len(below[a])),
			strings.Compare(a, b),
		)
	})
	for _, dir := range dirs {
		if len(leaves) <= limit {
			return leaves
		}
		collapse(leaves, dir, below[dir])
		for i := range len(dir) - 1 {
			if dir[i] == '/' {
				below[dir[:i+1]] = append(below[dir[:i+1]], dir)
			}
		}
	}
	if len(leaves) > limit { // too many files side by side at the top
		collapse(leaves, "./", slices.Collect(maps.Keys(leaves)))
	}
	return leaves
}

// collapse replaces the named leaves that still stand, and the directory's own, by one for the directory.
func collapse(leaves map[string]string, dir string, names []string) {
	names = append(slices.Clone(names), dir)
	slices.Sort(names)
	var words []string
	for _, name := range slices.Compact(names) {
		if hash, ok := leaves[name]; ok {
			words = append(words, name, hash)
			delete(leaves, name)
		}
	}
	leaves[dir] = digest(words...)
}

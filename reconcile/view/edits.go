package view

// op is what happened to one element of a list or line of a text.
type op uint8

const (
	kept op = iota
	removed
	added
)

// edit is one step from a list to another: the index in the old list (kept, removed) and in the new one (kept, added).
type edit struct {
	op       op
	old, new int
}

// maxCells bounds the table of the longest common subsequence; beyond it everything between the common beginning and
// the common end counts as changed.
const maxCells = 1 << 20

// edits returns the steps from a to b by their longest common subsequence. Removals come before additions.
func edits[T any](a, b []T, equal func(T, T) bool) []edit {
	var all []edit
	start := 0
	for start < len(a) && start < len(b) && equal(a[start], b[start]) {
		all = append(all, edit{kept, start, start})
		start++
	}
	endA, endB := len(a), len(b)
	for endA > start && endB > start && equal(a[endA-1], b[endB-1]) {
		endA--
		endB--
	}
	all = append(all, middle(a, b, start, endA, endB, equal)...)
	for i, j := endA, endB; i < len(a); i, j = i+1, j+1 {
		all = append(all, edit{kept, i, j})
	}
	return all
}

func middle[T any](a, b []T, start, endA, endB int, equal func(T, T) bool) []edit {
	n, m := endA-start, endB-start
	var all []edit
	if n*m > maxCells {
		for i := start; i < endA; i++ {
			all = append(all, edit{op: removed, old: i})
		}
		for j := start; j < endB; j++ {
			all = append(all, edit{op: added, new: j})
		}
		return all
	}
	// length[i][j] is the longest common subsequence of a[start+i:endA] and b[start+j:endB].
	length := make([][]int, n+1)
	for i := range length {
		length[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if equal(a[start+i], b[start+j]) {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < n || j < m {
		switch {
		case i < n && j < m && equal(a[start+i], b[start+j]):
			all = append(all, edit{kept, start + i, start + j})
			i, j = i+1, j+1
		case i < n && (j == m || length[i+1][j] >= length[i][j+1]):
			all = append(all, edit{op: removed, old: start + i})
			i++
		default:
			all = append(all, edit{op: added, new: start + j})
			j++
		}
	}
	return all
}

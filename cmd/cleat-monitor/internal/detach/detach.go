// Package detach finds the keys with which a user leaves a session, in what he types. It is linked into cleat-monitor and
// imports nothing.
package detach

// A Matcher looks for one sequence of bytes, which may come in pieces. The zero value finds nothing.
type Matcher struct {
	keys []byte
	at   int // how many bytes of keys have come
}

// New returns a Matcher for the keys.
func New(keys []byte) Matcher { return Matcher{keys: keys} }

// Filter takes what was typed. It returns what is to be passed on, which may share memory with data, and whether the
// keys were all pressed; what came after them is left out. The beginning of the keys is held back until it is clear that
// they are not meant.
func (m *Matcher) Filter(data []byte) (forward []byte, detached bool) {
	if len(m.keys) == 0 {
		return data, false
	}
	if m.at == 0 && !contains(data, m.keys[0]) {
		return data, false
	}
	out := make([]byte, 0, len(data)+m.at)
	for _, c := range data {
		for m.at > 0 && m.keys[m.at] != c {
			out = m.fallBack(out)
		}
		if m.keys[m.at] != c {
			out = append(out, c)
			continue
		}
		if m.at++; m.at == len(m.keys) {
			m.at = 0
			return out, true
		}
	}
	return out, false
}

// fallBack gives up the oldest bytes held back, as many as make the rest a beginning of the keys again.
func (m *Matcher) fallBack(out []byte) []byte {
	held := m.keys[:m.at]
	for n := 1; ; n++ {
		if n == m.at || equal(held[n:], m.keys[:m.at-n]) {
			out = append(out, held[:n]...)
			m.at -= n
			return out
		}
	}
}

func contains(data []byte, c byte) bool {
	for _, d := range data {
		if d == c {
			return true
		}
	}
	return false
}

func equal(a, b []byte) bool { return string(a) == string(b) }

package detach

import (
	"bytes"
	"testing"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		keys    string
		chunks  []string
		forward string
		at      int // chunk with which it detaches; -1 never
	}{
		"no keys":          {"", []string{"abc"}, "abc", -1},
		"none":             {"\x10\x11", []string{"hello"}, "hello", -1},
		"at once":          {"\x10\x11", []string{"ab\x10\x11cd"}, "ab", 0},
		"in pieces":        {"\x10\x11", []string{"ab\x10", "\x11"}, "ab", 1},
		"given up":         {"\x10\x11", []string{"\x10x"}, "\x10x", -1},
		"given up later":   {"\x10\x11", []string{"\x10", "x"}, "\x10x", -1},
		"held back":        {"\x10\x11", []string{"a\x10"}, "a", -1},
		"first key twice":  {"\x10\x11", []string{"\x10\x10\x11"}, "\x10", 0},
		"overlap":          {"aab", []string{"aaab"}, "a", 0},
		"overlap, longer":  {"abab", []string{"aba", "cabab"}, "abac", 1},
		"one key":          {"q", []string{"xq"}, "x", 0},
		"repeated pattern": {"aaa", []string{"aa", "b", "aaa"}, "aab", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := New([]byte(test.keys))
			var got []byte
			at := -1
			for i, chunk := range test.chunks {
				forward, detached := m.Filter([]byte(chunk))
				got = append(got, forward...)
				if detached {
					at = i
					break
				}
			}
			if string(got) != test.forward || at != test.at {
				t.Errorf("forward %q, detached at %d; want %q, %d", got, at, test.forward, test.at)
			}
		})
	}
}

func FuzzFilter(f *testing.F) {
	f.Add([]byte("aab"), []byte("aaaab"), 2)
	f.Fuzz(func(t *testing.T, keys, data []byte, cut int) {
		if len(keys) == 0 {
			return
		}
		cut = max(0, min(cut, len(data)))
		m := New(keys)
		forward, detached := m.Filter(bytes.Clone(data[:cut]))
		got := bytes.Clone(forward)
		if !detached {
			forward, detached = m.Filter(bytes.Clone(data[cut:]))
			got = append(got, forward...)
		}
		i := bytes.Index(data, keys)
		if detached != (i >= 0) {
			t.Fatalf("keys %q in %q: detached %v", keys, data, detached)
		}
		if detached && !bytes.Equal(got, data[:i]) {
			t.Fatalf("keys %q in %q: forwarded %q", keys, data, got)
		}
		if !detached && !(bytes.HasPrefix(data, got) && bytes.HasPrefix(keys, data[len(got):])) {
			t.Fatalf("keys %q in %q: forwarded %q", keys, data, got)
		}
	})
}

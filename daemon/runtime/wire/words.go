package wire

import "strconv"

const hex = "0123456789abcdef"

// plain reports whether a byte stands for itself in a word.
func plain(c byte) bool { return c > ' ' && c < 0x7f && c != '%' && c != '=' }

// AppendEscaped appends s as one word. An empty s becomes "%", so that it is still a word.
func AppendEscaped(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '%')
	}
	for i := range len(s) {
		if c := s[i]; plain(c) {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}

// Escape returns s as one word of printable ASCII without spaces and '='.
func Escape(s string) string { return string(AppendEscaped(nil, s)) }

// Unescape is the inverse of [Escape]; false when word is not one Escape could have made.
func Unescape(word string) (string, bool) {
	if word == "%" {
		return "", true
	}
	out := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c != '%' {
			if !plain(c) {
				return "", false
			}
			out = append(out, c)
			continue
		}
		if i+2 >= len(word) {
			return "", false
		}
		high, ok1 := nibble(word[i+1])
		low, ok2 := nibble(word[i+2])
		if !ok1 || !ok2 || plain(high<<4|low) {
			return "", false
		}
		out = append(out, high<<4|low)
		i += 2
	}
	return string(out), word != ""
}

func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// Words splits a line at its spaces; empty words are left out.
func Words(line string) []string {
	words := make([]string, 0, 12)
	start := 0
	for i := 0; i <= len(line); i++ {
		if i < len(line) && line[i] != ' ' {
			continue
		}
		if i > start {
			words = append(words, line[start:i])
		}
		start = i + 1
	}
	return words
}

// cut splits "key=value"; ok is false without a '='.
func cut(word string) (key, value string, ok bool) {
	for i := range len(word) {
		if word[i] == '=' {
			return word[:i], word[i+1:], true
		}
	}
	return word, "", false
}

func number(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64) // a broken number counts as unknown, like a missing key
	return n
}

func appendInt(dst []byte, key string, n int64) []byte {
	if n == 0 {
		return dst
	}
	dst = append(append(append(dst, ' '), key...), '=')
	return strconv.AppendInt(dst, n, 10)
}

func appendText(dst []byte, key, s string) []byte {
	if s == "" {
		return dst
	}
	dst = append(append(append(dst, ' '), key...), '=')
	return AppendEscaped(dst, s)
}

func appendFlag(dst []byte, key string, on bool) []byte {
	if !on {
		return dst
	}
	return append(append(append(dst, ' '), key...), "=1"...)
}

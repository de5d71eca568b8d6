//go:build linux

package logs

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special returns the index of the first byte that ends or interrupts a JSON string: a quote, a backslash or a
// control character; len(b) when there is none. Words of eight bytes are looked at, four at a time: this loop is most of
// what reading long lines costs.
func special(b []byte) int {
	i := 0
	for ; i+32 <= len(b); i += 32 {
		four := b[i : i+32 : i+32]
		if ends(binary.LittleEndian.Uint64(four))|ends(binary.LittleEndian.Uint64(four[8:]))|
			ends(binary.LittleEndian.Uint64(four[16:]))|ends(binary.LittleEndian.Uint64(four[24:])) != 0 {
			break
		}
	}
	for ; i+8 <= len(b); i += 8 {
		if found := ends(binary.LittleEndian.Uint64(b[i:])); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < 0x20 || c == '"' || c == '\\' {
			return i
		}
	}
	return len(b)
}

// ends sets the high bit of the first of 8 bytes that ends or interrupts a string, and perhaps of bytes above it: the
// subtractions borrow only there. Bytes that have their own high bit set are none.
func ends(x uint64) uint64 {
	return ((x - ones*0x20) | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones)) &^ x & highs
}

// digits reports whether the 8 bytes of x are all ASCII digits.
func digits(x uint64) bool {
	return x&(ones*0xf0) == ones*'0' && (x+ones*6)&(ones*0xf0) == ones*'0'
}

// escapes holds what the one-letter escapes of JSON stand for, 0 for those that do not exist.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape appends the text of the inside of a JSON string to dst. Bytes that need no escape are copied as they are,
// valid UTF-8 or not. ok is false when it is not the inside of a JSON string.
func unescape(dst, body []byte) (_ []byte, ok bool) {
	for {
		i := special(body)
		dst = append(dst, body[:i]...)
		if i == len(body) {
			return dst, true
		}
		if body[i] != '\\' || i+1 == len(body) {
			return dst, false
		}
		if c := escapes[body[i+1]]; c != 0 {
			dst, body = append(dst, c), body[i+2:]
			continue
		}
		r, rest, ok := unicodeEscape(body[i:])
		if !ok {
			return dst, false
		}
		dst, body = utf8.AppendRune(dst, r), rest
	}
}

// unicodeEscape decodes \uXXXX, or two of them when they are a surrogate pair, at the start of b. Half a pair is
// U+FFFD, as in encoding/json.
func unicodeEscape(b []byte) (r rune, rest []byte, ok bool) {
	r, ok = hex4(b)
	if !ok {
		return 0, nil, false
	}
	b = b[6:]
	if !utf16.IsSurrogate(r) {
		return r, b, true
	}
	if low, ok := hex4(b); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, b[6:], true
		}
	}
	return utf8.RuneError, b, true
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// Package jsonlog writes the records of the log driver json-file: one JSON object a line, in the form dockerd uses,
//
//	{"log":"text\n","stream":"stdout","time":"2006-01-02T15:04:05.123456789Z"}
//
// It is linked into cleat-monitor and works on caller's memory only.
package jsonlog

import (
	"math/bits"
	"unicode/utf8"
	"unsafe"
)

// An Encoder appends records with times that strictly increase, so that a time names a record. Attrs, if set, is a JSON
// object that every record carries; it is set before the first.
type Encoder struct {
	Attrs string
	last  int64   // time of the last record
	ends  [2]tail // what follows the text, by stream
}

// A tail is the end of a record as the last one of a stream had it: mostly one digit of the next differs.
type tail struct {
	bytes []byte // from the line feed on
	time  int64
}

const (
	stampForm = "2006-01-02T15:04:05.123456789Z"
	newlines  = `\n` // at the beginning of a tail; a record without line feed has the rest
	closing   = "\"}\n"
)

// Overhead bounds what a record is longer than its text, beside Attrs; the text itself may grow sixfold.
const Overhead = 128

// Resume makes times continue after t, nanoseconds since 1970.
func (e *Encoder) Resume(t int64) { e.last = max(e.last, t) }

// Append appends the record of a line, its time being now or, where that is not later than the last record's, a
// nanosecond after that. Bytes that are no UTF-8 become U+FFFD.
func (e *Encoder) Append(dst []byte, stream byte, line []byte, newline bool, now int64) []byte {
	e.last = max(now, e.last+1)
	end := &e.ends[0]
	if stream == 2 {
		end = &e.ends[1]
	}
	if end.bytes == nil {
		end.begin(stream, e.Attrs)
	}
	end.set(e.last)
	dst = appendText(append(dst, `{"log":"`...), line)
	if newline {
		return append(dst, end.bytes...)
	}
	return append(dst, end.bytes[len(newlines):]...)
}

// begin makes a tail with a time that set replaces.
func (t *tail) begin(stream byte, attrs string) {
	name := "stdout"
	if stream == 2 {
		name = "stderr"
	}
	b := append(append([]byte(newlines+`","stream":"`), name...), '"')
	if attrs != "" {
		b = append(append(b, `,"attrs":`...), attrs...)
	}
	t.bytes = append(append(b, `,"time":"`...), stampForm+closing...)
	t.time = -1e9 // another second than any
}

// set writes a time into the tail.
func (t *tail) set(at int64) {
	stamp := t.bytes[len(t.bytes)-len(closing)-len(stampForm):][:len(stampForm)]
	if last := &stamp[len(stamp)-2]; at == t.time+1 && *last < '9' {
		*last++
		t.time = at
		return
	}
	if at/1e9 != t.time/1e9 {
		setSecond(stamp, at/1e9)
	}
	digits(stamp[20:29], at%1e9)
	t.time = at
}

// AppendTime appends a time as records have it.
func AppendTime(dst []byte, t int64) []byte {
	dst = append(dst, stampForm...)
	stamp := dst[len(dst)-len(stampForm):]
	setSecond(stamp, t/1e9)
	digits(stamp[20:29], t%1e9)
	return dst
}

// setSecond fills in everything but the fraction. Times before 1970 do not occur.
func setSecond(b []byte, second int64) {
	days, rest := second/86400, second%86400
	// Civil date of a day number, by the 400-year cycle that begins on 1 March 0000.
	z := days + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day := doy - (153*mp+2)/5 + 1
	month := mp + 3
	year := yoe + era*400
	if month > 12 {
		month -= 12
		year++
	}
	digits(b[0:4], year)
	digits(b[5:7], month)
	digits(b[8:10], day)
	digits(b[11:13], rest/3600)
	digits(b[14:16], rest/60%60)
	digits(b[17:19], rest%60)
}

func digits(b []byte, n int64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}

// ParseTime reads a time as [AppendTime] writes it; false for any other form.
func ParseTime(b []byte) (int64, bool) {
	if len(b) != len(stampForm) {
		return 0, false
	}
	for i, c := range []byte(stampForm) {
		if (c >= '0' && c <= '9') != (b[i] >= '0' && b[i] <= '9') || (c < '0' || c > '9') && b[i] != c {
			return 0, false
		}
	}
	num := func(from, to int) (n int64) {
		for _, c := range b[from:to] {
			n = n*10 + int64(c-'0')
		}
		return n
	}
	y, m, d := num(0, 4), num(5, 7), num(8, 10)
	if m < 1 || m > 12 || d < 1 || d > 31 {
		return 0, false
	}
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	yoe := y - era*400
	doe := yoe*365 + yoe/4 - yoe/100 + (153*(m-3)+2)/5 + d - 1
	second := (era*146097+doe-719468)*86400 + num(11, 13)*3600 + num(14, 16)*60 + num(17, 19)
	return second*1e9 + num(20, 29), true
}

const hex = "0123456789abcdef"

func appendText(dst, text []byte) []byte {
	for {
		n := plain(text)
		dst = append(dst, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			return dst
		}
		c := text[0]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRune(text)
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, `\ufffd`...)
			} else {
				dst = append(dst, text[:size]...)
			}
			text = text[size:]
			continue
		}
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		text = text[1:]
	}
}

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// plain is the length of the beginning of b that goes into JSON as it is: ASCII without controls, quotes, backslashes.
// Words of eight bytes are looked at, four at a time.
func plain(b []byte) int {
	i := 0
	for ; i+32 <= len(b); i += 32 {
		p := (*[4]uint64)(unsafe.Pointer(&b[i]))
		if (special(p[0])|special(p[1])|special(p[2])|special(p[3]))&high != 0 {
			break
		}
	}
	for ; i+8 <= len(b); i += 8 {
		if bad := special(*(*uint64)(unsafe.Pointer(&b[i]))) & high; bad != 0 {
			if !littleEndian {
				break
			}
			return i + bits.TrailingZeros64(bad)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// special sets the high bit of the first byte of x that needs an escape, or is not ASCII, and perhaps of later ones: all
// subtractions borrow from the next byte only there.
func special(x uint64) uint64 {
	return x | (x - low*' ') | ((x ^ low*'"') - low) | ((x ^ low*'\\') - low)
}

// littleEndian says that the first byte in memory is the lowest of a word.
var littleEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()

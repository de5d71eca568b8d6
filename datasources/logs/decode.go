package logs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
)

// maxBytes bounds a log: it becomes a value of a plan.
const maxBytes = 16 << 20

// headerSize is the length of the header before a frame: stream, three zeros, length of the frame.
const headerSize = 8

var errTooLong = fmt.Errorf("longer than %d MiB; ask for less with tail, since or until: %w", maxBytes>>20, errs.ErrInvalid)

// mode says what a log stream looks like and what is wanted of it.
type mode struct {
	// framed streams have a header before every piece; those of a terminal do not, and end lines with "\r\n".
	framed bool
	// strip leaves the headers out.
	strip bool
}

// decode reads the lines of a log. With an error come the lines read before it.
func decode(r io.Reader, m mode) ([]string, error) {
	bounded := &boundedReader{r: r, left: maxBytes + 1}
	var lines []string
	add := func(line string) {
		if !m.framed {
			line = strings.TrimSuffix(line, "\r")
		}
		lines = append(lines, strings.ToValidUTF8(line, "\uFFFD"))
	}
	var err error
	if m.framed && m.strip {
		err = decodeFrames(bounded, add)
	} else {
		err = decodeLines(bounded, add)
	}
	return lines, err
}

// decodeLines splits a stream at its line ends.
func decodeLines(r io.Reader, add func(string)) error {
	buffered := bufio.NewReader(r)
	for {
		line, err := buffered.ReadString('\n')
		if line != "" {
			add(strings.TrimSuffix(line, "\n"))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// decodeFrames takes the frames of a stream apart. A line may come in several frames with frames of the other stream
// in between, so each stream has its own beginning of a line.
func decodeFrames(r io.Reader, add func(string)) error {
	open := map[byte]*strings.Builder{1: {}, 2: {}}
	err := eachFrame(r, func(stream byte, content []byte) {
		pending := open[stream]
		if pending == nil { // standard input, or nothing known: shown as output
			pending = open[1]
		}
		pending.Write(content)
		if !bytes.ContainsRune(content, '\n') {
			return
		}
		parts := strings.Split(pending.String(), "\n")
		pending.Reset()
		for _, line := range parts[:len(parts)-1] {
			add(line)
		}
		pending.WriteString(parts[len(parts)-1])
	})
	for _, stream := range []byte{1, 2} {
		if open[stream].Len() > 0 {
			add(open[stream].String())
		}
	}
	return err
}

// systemErr is the stream on which engines report that a log broke off.
const systemErr = 3

func eachFrame(r io.Reader, frame func(stream byte, content []byte)) error {
	buffered := bufio.NewReader(r)
	header := make([]byte, headerSize)
	for {
		if _, err := io.ReadFull(buffered, header); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("log ended inside a header: %w", err)
		}
		size := int64(binary.BigEndian.Uint32(header[4:]))
		if header[1] != 0 || header[2] != 0 || header[3] != 0 || size > maxBytes {
			return fmt.Errorf("log has no frames where they have to be: %w", errs.ErrInternal)
		}
		content, err := io.ReadAll(io.LimitReader(buffered, size))
		if err != nil {
			frame(header[0], content)
			return err
		}
		if header[0] == systemErr {
			return fmt.Errorf("the engine says: %s: %w", strings.TrimSpace(string(content)), errs.ErrInternal)
		}
		frame(header[0], content)
		if int64(len(content)) < size {
			return fmt.Errorf("log ended inside a line: %w", io.ErrUnexpectedEOF)
		}
	}
}

// boundedReader fails with errTooLong when so many bytes were read.
type boundedReader struct {
	r    io.Reader
	left int
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if len(p) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	if b.left -= n; b.left <= 0 {
		return 0, errTooLong
	}
	return n, err
}

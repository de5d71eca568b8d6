package sshclient

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxIncludes bounds how deep configuration files include each other, as in OpenSSH.
	maxIncludes = 16
	// maxConfig bounds one configuration file.
	maxConfig = 1 << 20
)

// NotUnderstood is something in the configuration of ssh that this package does not do.
type NotUnderstood struct {
	// What it is and Where it was found: an argument, or a file with line.
	What, Where string
}

func (e *NotUnderstood) Error() string { return e.Where + ": " + e.What }

// option is one option with its arguments, wherever it was given.
type option struct {
	keyword string // in lower case
	args    []string
	where   string
}

// configReader collects the options that configuration files have for one host, in the order of the files.
type configReader struct {
	host, home string
	options    []option
}

// file reads a configuration file; one that does not exist has no options.
func (r *configReader) file(path, dir string, depth int) error {
	if depth > maxIncludes {
		return &NotUnderstood{"included too deep", path}
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Size() > maxConfig || !info.Mode().IsRegular() {
		return &NotUnderstood{"not a readable configuration file", path}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return &NotUnderstood{"not readable", path}
	}
	return r.text(string(raw), path, dir, depth)
}

// text reads the lines of a configuration file. An included file begins as its includer stands, and its own Host lines
// end with it.
func (r *configReader) text(text, path, dir string, depth int) error {
	active := true
	for number, line := range strings.Split(text, "\n") {
		where := fmt.Sprintf("%s line %d", path, number+1)
		o, err := parseOption(line, where)
		if err != nil {
			return err
		}
		switch {
		case o.keyword == "":
		case o.keyword == "host":
			active = matchesHost(o.args, r.host)
		case o.keyword == "match":
			if len(o.args) != 1 || !strings.EqualFold(o.args[0], "all") {
				return &NotUnderstood{"Match " + strings.Join(o.args, " "), where}
			}
			active = true
		case !active:
		case o.keyword == "include":
			if err := r.include(o, dir, depth); err != nil {
				return err
			}
		default:
			r.options = append(r.options, o)
		}
	}
	return nil
}

func (r *configReader) include(o option, dir string, depth int) error {
	for _, pattern := range o.args {
		switch rest, home := strings.CutPrefix(pattern, "~/"); {
		case home:
			pattern = filepath.Join(r.home, rest)
		case strings.ContainsAny(pattern, "~%$"):
			return &NotUnderstood{"Include " + pattern, o.where}
		case !filepath.IsAbs(pattern):
			pattern = filepath.Join(dir, pattern)
		}
		files, err := filepath.Glob(pattern)
		if err != nil {
			return &NotUnderstood{"Include " + pattern, o.where}
		}
		for _, file := range files {
			if err := r.file(file, dir, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseOption reads one line, or an argument of -o: a keyword, white space or one equals sign, and arguments, each
// perhaps in quotes. An empty line and a comment have no keyword.
func parseOption(line, where string) (option, error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return option{}, nil
	}
	end := strings.IndexAny(line, " \t=\"")
	if end < 0 {
		end = len(line)
	}
	o := option{keyword: strings.ToLower(line[:end]), where: where}
	rest := strings.TrimLeft(line[end:], " \t")
	if after, ok := strings.CutPrefix(rest, "="); ok {
		rest = after
	}
	var err error
	if o.args, err = arguments(rest); err != nil || len(o.args) == 0 || o.keyword == "" {
		return option{}, &NotUnderstood{"not an option with a value", where}
	}
	return o, nil
}

var errQuote = errors.New("quote without end")

// arguments splits the rest of a line as ssh does: quotes of both kinds, backslashes before quotes, spaces and
// themselves, and a comment at the end.
func arguments(text string) ([]string, error) {
	var all []string
	for {
		text = strings.TrimLeft(text, " \t")
		if text == "" || text[0] == '#' {
			return all, nil
		}
		var arg strings.Builder
		quote := byte(0)
		i := 0
		for ; i < len(text); i++ {
			c := text[i]
			switch {
			case c == '\\' && i+1 < len(text) && (strings.IndexByte(`"'\`, text[i+1]) >= 0 || quote == 0 && text[i+1] == ' '):
				i++
				arg.WriteByte(text[i])
			case quote == 0 && (c == ' ' || c == '\t'):
				goto done
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			case quote != 0 && c == quote:
				quote = 0
			default:
				arg.WriteByte(c)
			}
		}
	done:
		if quote != 0 {
			return nil, errQuote
		}
		all = append(all, arg.String())
		text = text[i:]
	}
}

// matchesHost reports whether a host is meant by the patterns of a Host line: one of them matches, and none with an
// exclamation mark does.
func matchesHost(patterns []string, host string) bool {
	found := false
	for _, p := range patterns {
		negated := strings.HasPrefix(p, "!")
		if !wildcard(strings.ToLower(strings.TrimPrefix(p, "!")), strings.ToLower(host)) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// wildcard matches a text against a pattern in which * stands for any characters and ? for one.
func wildcard(pattern, text string) bool {
	star, mark := -1, 0
	p := 0
	for t := 0; t < len(text); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			p = star + 1
			mark++
			t = mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

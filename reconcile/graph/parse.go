package graph

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ParseInstance reads the address of one object, such as module.a["x"].docker_container.web[0].
func ParseInstance(s string) (Instance, error) {
	t, err := ParseTarget(s)
	if err != nil {
		return Instance{}, err
	}
	if t.Name == "" {
		return Instance{}, fmt.Errorf("address %q: it names a module, want a resource such as %s.docker_container.web", s, s)
	}
	return Instance(t), nil
}

// ParseResource reads the address of a block, such as module.a.docker_container.web. It has no keys.
func ParseResource(s string) (Resource, error) {
	i, err := ParseInstance(s)
	if err != nil {
		return Resource{}, err
	}
	r := i.Resource()
	if r.String() != i.String() {
		return Resource{}, fmt.Errorf("address %q: it names one instance, want the block %s", s, r)
	}
	return r, nil
}

// ParseModuleInstance reads the address of a module instance; "" is the root.
func ParseModuleInstance(s string) (ModuleInstance, error) {
	if s == "" {
		return ModuleInstance{}, nil
	}
	t, err := ParseTarget(s)
	if err != nil {
		return ModuleInstance{}, err
	}
	if t.Name != "" {
		return ModuleInstance{}, fmt.Errorf("address %q: it names a resource, want a module", s)
	}
	return t.Module, nil
}

// ParseTarget reads what -target and -replace take: a module, a module instance, a resource or one instance of it.
func ParseTarget(s string) (Target, error) {
	if !utf8.ValidString(s) {
		return Target{}, fmt.Errorf("address %q: not valid UTF-8", s)
	}
	p := parser{text: s}
	t, err := p.target()
	if err != nil {
		return Target{}, fmt.Errorf("address %q: %w", s, err)
	}
	return t, nil
}

// parser reads an address from left to right.
type parser struct {
	text string
	at   int
}

func (p *parser) target() (Target, error) {
	steps, err := p.steps()
	if err != nil {
		return Target{}, err
	}
	var t Target
	for _, step := range steps {
		t.Module = t.Module.Child(step.Name, step.Key)
	}
	if p.done() {
		if len(steps) == 0 {
			return Target{}, fmt.Errorf("empty, want a resource such as docker_container.web or a module such as module.app")
		}
		return t, nil
	}
	if t.Type, err = p.name(); err != nil {
		return Target{}, err
	}
	if mode, ok := map[string]Mode{"data": Data, "ephemeral": Ephemeral}[t.Type]; ok {
		t.Mode = mode
		if t.Type, err = p.afterDot(map[Mode]string{Data: "data source type", Ephemeral: "ephemeral resource type"}[mode]); err != nil {
			return Target{}, err
		}
	}
	if t.Name, err = p.afterDot("resource name"); err != nil {
		return Target{}, err
	}
	if t.Key, err = p.key(); err != nil {
		return Target{}, err
	}
	if !p.done() {
		return Target{}, fmt.Errorf("%q after the resource at column %d, want the end", p.text[p.at:], p.at+1)
	}
	return t, nil
}

// steps reads the leading module.name[key] parts, including the dot after each.
func (p *parser) steps() ([]Step, error) {
	var steps []Step
	for strings.HasPrefix(p.text[p.at:], "module.") {
		p.at += len("module.")
		name, err := p.name()
		if err != nil {
			return nil, err
		}
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		steps = append(steps, Step{name, key})
		if p.done() {
			break
		}
		if !p.skip('.') {
			return nil, fmt.Errorf("%q at column %d, want a dot", p.text[p.at:], p.at+1)
		}
		if p.done() {
			return nil, fmt.Errorf("ends with a dot")
		}
	}
	return steps, nil
}

func (p *parser) done() bool { return p.at >= len(p.text) }

func (p *parser) skip(c byte) bool {
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) afterDot(what string) (string, error) {
	if !p.skip('.') {
		return "", fmt.Errorf("no %s at column %d, want TYPE.NAME", what, p.at+1)
	}
	return p.name()
}

// name reads one identifier of HCL: a letter or underscore, then letters, digits, underscores and dashes.
func (p *parser) name() (string, error) {
	start := p.at
	for p.at < len(p.text) {
		r, size := utf8.DecodeRuneInString(p.text[p.at:])
		first := unicode.IsLetter(r) || r == '_'
		if r == utf8.RuneError && size <= 1 || !first && (p.at == start || !unicode.IsDigit(r) && r != '-') {
			break
		}
		p.at += size
	}
	if p.at == start {
		return "", fmt.Errorf("no name at column %d", start+1)
	}
	return p.text[start:p.at], nil
}

// key reads [0] or ["x"], or nothing.
func (p *parser) key() (Key, error) {
	if !p.skip('[') {
		return NoKey, nil
	}
	if p.at < len(p.text) && p.text[p.at] == '"' {
		s, err := p.quoted()
		if err != nil {
			return NoKey, err
		}
		if !p.skip(']') {
			return NoKey, fmt.Errorf("no closing bracket at column %d", p.at+1)
		}
		return StringKey(s), nil
	}
	end := strings.IndexByte(p.text[p.at:], ']')
	if end < 0 {
		return NoKey, fmt.Errorf("no closing bracket after column %d", p.at)
	}
	digits := p.text[p.at : p.at+end]
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 || strconv.Itoa(n) != digits {
		return NoKey, fmt.Errorf("key [%s] at column %d: want a number such as [0] or a quoted string such as [\"x\"]", digits, p.at)
	}
	p.at += end + 1
	return IntKey(n), nil
}

// quote and quoted are the two directions of a string key. Terraform writes HCL template escapes.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '"':
			b.WriteString(`\"`)
		case r == '\\':
			b.WriteString(`\\`)
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			b.WriteRune(r)
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 65536:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func (p *parser) quoted() (string, error) {
	start := p.at + 1
	p.at++
	var b strings.Builder
	for p.at < len(p.text) {
		c := p.text[p.at]
		switch {
		case c == '"':
			p.at++
			return b.String(), nil
		case c == '\\':
			if err := p.escape(&b); err != nil {
				return "", err
			}
			continue
		case (c == '$' || c == '%') && strings.HasPrefix(p.text[p.at:], string([]byte{c, c, '{'})):
			b.WriteByte(c)
			b.WriteByte('{')
			p.at += 3
			continue
		case (c == '$' || c == '%') && strings.HasPrefix(p.text[p.at+1:], "{"):
			return "", fmt.Errorf("interpolation in a key at column %d", p.at+1)
		}
		b.WriteByte(c)
		p.at++
	}
	return "", fmt.Errorf("no closing quote after column %d", start)
}

func (p *parser) escape(b *strings.Builder) error {
	rest := p.text[p.at+1:]
	if rest == "" {
		return fmt.Errorf("ends with a backslash")
	}
	digits := 0
	switch rest[0] {
	case 'n':
		b.WriteByte('\n')
	case 'r':
		b.WriteByte('\r')
	case 't':
		b.WriteByte('\t')
	case '"', '\\':
		b.WriteByte(rest[0])
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		return fmt.Errorf("unknown escape \\%c at column %d", rest[0], p.at+1)
	}
	if digits > 0 {
		if len(rest) < digits+1 {
			return fmt.Errorf("short escape at column %d", p.at+1)
		}
		n, err := strconv.ParseUint(rest[1:digits+1], 16, 32)
		if err != nil || n > unicode.MaxRune {
			return fmt.Errorf("bad escape at column %d", p.at+1)
		}
		b.WriteRune(rune(n))
	}
	p.at += 2 + digits
	return nil
}

package config

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// blockRanges says where the parts of an evaluated object are in the source, following what dynamic blocks made.
type blockRanges struct {
	body  *body
	at    hcl.Range
	items map[string][]*blockRanges
}

// Range is where an attribute of the object is declared: name, ports[1].external, labels["x"]. It is the block
// around it where the attribute is not declared, an item of a set by its place in the set's order, and the block's
// header for a path that does not exist.
func (b *Block) Range(path string) *hcl.Range { return b.ranges.find(path) }

// Range is where an attribute of the provider block is; nil when there is no block.
func (p *ProviderBlock) Range(path string) *hcl.Range {
	if p.ranges == nil {
		return nil
	}
	return p.ranges.find(path)
}

func (r *blockRanges) find(path string) *hcl.Range {
	name, rest := cutName(path)
	for i := range r.body.attributes {
		if a := &r.body.attributes[i]; a.spec.Name == name {
			at := inside(a.expr, rest).Range()
			return &at
		}
	}
	items := r.items[name]
	if len(items) == 0 {
		if declared := r.body.blocks[name]; len(declared) > 0 { // generated none, or it is not known how many
			return declared[0].at.Ptr()
		}
		return r.here()
	}
	index, after, ok := cutIndex(rest)
	switch {
	case ok && index < len(items):
		items = items[index:]
	case rest != "" && !strings.HasPrefix(rest, "."):
		return items[0].at.Ptr() // an item of a set
	default:
		after = rest
	}
	after = strings.TrimPrefix(after, ".")
	if after == "" {
		return items[0].at.Ptr()
	}
	return items[0].find(after)
}

// here is the block itself.
func (r *blockRanges) here() *hcl.Range {
	if r.at.Filename != "" {
		return r.at.Ptr()
	}
	return r.body.missing.Ptr()
}

// cutName splits ports[1].external into ports and [1].external.
func cutName(path string) (name, rest string) {
	i := strings.IndexAny(path, ".[")
	if i < 0 {
		return path, ""
	}
	return path[:i], path[i:]
}

// cutIndex splits [1].external into 1 and .external.
func cutIndex(rest string) (index int, after string, ok bool) {
	if !strings.HasPrefix(rest, "[") {
		return 0, rest, false
	}
	text, after, ok := strings.Cut(rest[1:], "]")
	if !ok {
		return 0, rest, false
	}
	index, err := strconv.Atoi(text)
	return index, after, err == nil && index >= 0
}

// inside follows a path into an expression that is written out as a list or map.
func inside(expr hcl.Expression, rest string) hcl.Expression {
	if index, _, ok := cutIndex(rest); ok {
		if list, diags := hcl.ExprList(expr); !diags.HasErrors() && index < len(list) {
			return list[index]
		}
		return expr
	}
	key := strings.TrimPrefix(rest, ".")
	if strings.HasPrefix(rest, "[") {
		unquoted, err := strconv.Unquote(strings.TrimSuffix(rest[1:], "]"))
		if err != nil {
			return expr
		}
		key = unquoted
	}
	if key == "" {
		return expr
	}
	pairs, diags := hcl.ExprMap(expr)
	if diags.HasErrors() {
		return expr
	}
	for _, pair := range pairs {
		name := hcl.ExprAsKeyword(pair.Key)
		if name == "" {
			name, _ = constantString(pair.Key)
		}
		if name == key {
			return pair.Value
		}
	}
	return expr
}

package view

import (
	"slices"

	"github.com/cleat-dev/cleat/resources/contract"
)

// wholeBlocks prints the items of a block that all have the same symbol: the object is new, goes, or is just shown.
func (p *printer) wholeBlocks(depth int, sign string, b *contract.Block, v value) {
	switch {
	case v.sensitive:
		p.line(depth, sign, b.Name+" "+maskedText)
	case v.kind == unknown:
		p.line(depth, sign, b.Name+" "+unknownText)
	default:
		for _, item := range v.elems {
			p.item(depth, sign, b, item, "")
		}
	}
}

// blocks prints the items of a block that differ.
func (p *printer) blocks(depth int, b *contract.Block, before, after value, note string) {
	if before.sensitive || after.sensitive {
		p.line(depth, changeSymbol(before, after), b.Name+" "+maskedText+note)
		return
	}
	if after.kind == unknown {
		for _, item := range before.elems {
			p.item(depth, "-", b, item, note)
		}
		p.line(depth, "+", b.Name+" "+unknownText+note)
		return
	}
	pairs := pair(before.elems, after.elems)
	used := make([]bool, len(before.elems))
	same := 0
	for j, item := range after.elems {
		i := pairs[j]
		if i < 0 {
			continue
		}
		used[i] = true
		if settled(before.elems[i], item) {
			same++
			continue
		}
		p.changedItem(depth, b, before.elems[i], item, note)
	}
	for i, item := range before.elems {
		if !used[i] {
			p.item(depth, "-", b, item, note)
		}
	}
	for j, item := range after.elems {
		if pairs[j] < 0 {
			p.item(depth, "+", b, item, note)
		}
	}
	p.hidden(depth, same, "unchanged "+b.Name+" block", "unchanged "+b.Name+" blocks")
}

// item prints a whole item of a block.
func (p *printer) item(depth int, sign string, b *contract.Block, item value, note string) {
	if item.kind != object {
		p.line(depth, sign, b.Name+" "+inline(item)+note)
		return
	}
	var shown []string
	for _, a := range b.Node.Attributes {
		if v := item.get(a.Name); v.kind != null && !(a.Default != nil && fromAttr(a.Default).equal(v)) {
			shown = append(shown, a.Name)
		}
	}
	blocks := b.Node.Blocks
	if len(shown) == 0 && !slices.ContainsFunc(blocks, func(n *contract.Block) bool { return !item.get(n.Name).isNothing() }) {
		p.line(depth, sign, b.Name+" {}"+note)
		return
	}
	p.line(depth, sign, b.Name+" {"+note)
	for i, name := range padded(slices.Clone(shown)) {
		p.whole(depth+1, sign, name+" = ", item.get(shown[i]), "", "")
	}
	for _, n := range blocks {
		p.wholeBlocks(depth+1, sign, n, item.get(n.Name))
	}
	p.line(depth, "", "}")
}

// changedItem prints the attributes of an item that differ, and the required ones, which tell what item it is.
func (p *printer) changedItem(depth int, b *contract.Block, before, after value, note string) {
	p.line(depth, "~", b.Name+" {"+note)
	var shown []string
	same := 0
	for _, a := range b.Node.Attributes {
		old, new := before.get(a.Name), after.get(a.Name)
		switch {
		case !old.equal(new) || a.Required:
			shown = append(shown, a.Name)
		case old.kind != null:
			same++
		}
	}
	for i, name := range padded(slices.Clone(shown)) {
		p.change(depth+1, name+" = ", before.get(shown[i]), after.get(shown[i]), "")
	}
	p.hidden(depth+1, same, "unchanged attribute", "unchanged attributes")
	for _, n := range b.Node.Blocks {
		old, new := before.get(n.Name), after.get(n.Name)
		if !old.equal(new) {
			p.blocks(depth+1, n, old, new, "")
		}
	}
	p.line(depth, "", "}")
}

// settled reports whether two items are equal but for computed attributes that are known after apply.
func settled(before, after value) bool {
	if before.equal(after) {
		return true
	}
	if before.kind != object || after.kind != object || after.node == nil {
		return false
	}
	for i, key := range after.keys {
		if a, ok := after.node.Attribute(key); ok && a.Computed && after.elems[i].kind == unknown {
			continue
		}
		if !before.get(key).equal(after.elems[i]) {
			return false
		}
	}
	return true
}

// pair finds for each new item the old one it came from, or -1: first equal ones, then those that have the most in
// common. Nothing says which attribute of a block tells its items apart, so likeness has to.
func pair(before, after []value) []int {
	pairs := make([]int, len(after))
	used := make([]bool, len(before))
	for j := range after {
		pairs[j] = -1
		for i := range before {
			if !used[i] && settled(before[i], after[j]) {
				pairs[j], used[i] = i, true
				break
			}
		}
	}
	for j := range after {
		if pairs[j] >= 0 {
			continue
		}
		best := 0
		for i := range before {
			if alike := likeness(before[i], after[j]); !used[i] && alike > best {
				best, pairs[j] = alike, i
			}
		}
		if pairs[j] >= 0 {
			used[pairs[j]] = true
		}
	}
	// One left on either side: whatever it was, it is the same block written anew.
	if i, j := slices.Index(used, false), slices.Index(pairs, -1); i >= 0 && j >= 0 &&
		!slices.Contains(used[i+1:], false) && !slices.Contains(pairs[j+1:], -1) {
		pairs[j] = i
	}
	return pairs
}

// likeness counts what two items have in common beyond defaults; required attributes, which identify, count more.
func likeness(before, after value) int {
	n := 0
	for i, key := range after.keys {
		v := after.elems[i]
		if v.isNothing() || !before.get(key).equal(v) || after.node == nil {
			continue
		}
		a, ok := after.node.Attribute(key)
		switch {
		case !ok:
			n++
		case a.Required:
			n += 4
		case a.Default == nil || !fromAttr(a.Default).equal(v):
			n++
		}
	}
	return n
}

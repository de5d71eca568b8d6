package contract

import "github.com/hashicorp/terraform-plugin-framework/types"

// A block that is [Rule.Filled] is an attribute for Terraform. Of a block inside of it null and no items are two values
// then, which mean the same, and Terraform wants back what it gave.

// mark notes on a block what the rules say of it and of its attributes where no rules are at hand. Blocks that are not
// declared inside of a Filled one are null.
func mark(b *Block, rules Rules, within bool) (err error) {
	b.Filled = rules[b.Path].Filled
	for _, a := range b.Node.Attributes {
		a.zeroIsSet = rules[b.Path+"."+a.Name].ZeroIsSet
	}
	if within {
		if b.None, _, err = Absent(b.Type); err != nil {
			return err
		}
	}
	for _, nested := range b.Node.Blocks {
		if err := mark(nested, rules, within || b.Filled); err != nil {
			return err
		}
	}
	return nil
}

// absentAs is an object in which blocks without items inside of Filled ones are null or empty as they were last.
func absentAs(n *Node, rules Rules, last, read types.Object, within bool) (types.Object, error) {
	was, is := last.Attributes(), read.Attributes()
	for _, b := range n.Blocks {
		before, now := items(b, was[b.Name]), items(b, is[b.Name])
		if len(before) == 0 && len(now) == 0 && within && !was[b.Name].IsUnknown() {
			is[b.Name] = was[b.Name]
		}
		if b.Nesting != List || len(before) != len(now) || !b.leadsTo(rules, within) {
			continue
		}
		for i := range now {
			if before[i].IsNull() || before[i].IsUnknown() {
				continue
			}
			var err error
			if now[i], err = absentAs(b.Node, rules, before[i], now[i], within || rules[b.Path].Filled); err != nil {
				return read, err
			}
		}
		if len(now) > 0 {
			block, err := blockOf(b, now)
			if err != nil {
				return read, err
			}
			is[b.Name] = block
		}
	}
	return n.Object(is)
}

// leadsTo reports whether there are blocks inside of a Filled one in a block.
func (b *Block) leadsTo(rules Rules, within bool) bool {
	within = within || rules[b.Path].Filled
	for _, nested := range b.Node.Blocks {
		if within || nested.leadsTo(rules, within) {
			return true
		}
	}
	return false
}

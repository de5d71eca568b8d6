//go:build linux

package bridge

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"golang.org/x/sys/unix"
)

// foreignRules are ours in chains of others.
type foreignRules struct {
	tag string // begins the comment that marks a rule as ours
}

// comment is how a rule for a bridge is marked.
func (f *foreignRules) comment(bridge string) []byte {
	return userdata.AppendString(nil, userdata.TypeComment, f.tag+" "+bridge)
}

// openForeign lets packets of the bridges pass chains of others that drop what they do not know.
//
// The rules come first in the chain, as dockerd puts its own, and are written the way iptables-nft writes and
// understands them.
func (r *rules) openForeign(bridges []string) error {
	slices.Sort(bridges)
	return errors.Join(openLegacy(bridges), r.eachForeign(func(c *nftables.Conn, chain *nftables.Chain, present []*nftables.Rule) {
		if chain.Policy == nil || *chain.Policy != nftables.ChainPolicyDrop {
			return
		}
		for _, bridge := range bridges {
			comment := r.foreign.comment(bridge)
			if slices.ContainsFunc(present, func(rule *nftables.Rule) bool { return bytes.Equal(rule.UserData, comment) }) {
				continue
			}
			for _, key := range []expr.MetaKey{expr.MetaKeyOIFNAME, expr.MetaKeyIIFNAME} {
				c.InsertRule(&nftables.Rule{Table: chain.Table, Chain: chain, UserData: comment, Exprs: []expr.Any{
					&expr.Meta{Key: key, Register: reg1},
					&expr.Cmp{Op: expr.CmpOpEq, Register: reg1, Data: append([]byte(bridge), 0)},
					&expr.Counter{},
					&expr.Verdict{Kind: expr.VerdictAccept},
				}})
			}
		}
	}))
}

// closeForeign removes our rules for one bridge, or for all when it is empty, from chains of others.
func (r *rules) closeForeign(bridge string) error {
	var legacy error
	if bridge != "" {
		legacy = closeLegacy(bridge)
	}
	return errors.Join(legacy, r.eachForeign(func(c *nftables.Conn, _ *nftables.Chain, present []*nftables.Rule) {
		for _, rule := range present {
			if bridge == "" || bytes.Equal(rule.UserData, r.foreign.comment(bridge)) {
				_ = c.DelRule(rule) // fails only for rules without a handle, and these were listed
			}
		}
	}))
}

// eachForeign calls do for every chain of others where forwarded packets pass, with the rules in it that are ours.
// What do puts into the batch happens at once for a chain, or not at all: the chain may be gone by then.
func (r *rules) eachForeign(do func(*nftables.Conn, *nftables.Chain, []*nftables.Rule)) error {
	return r.with(func(c *nftables.Conn) error { return r.eachForeignOn(c, do) })
}

func (r *rules) eachForeignOn(c *nftables.Conn, do func(*nftables.Conn, *nftables.Chain, []*nftables.Rule)) error {
	chains, err := c.ListChains()
	if err != nil {
		return kernel(err, "packet filter")
	}
	var all error
	for _, chain := range chains {
		if chain.Hooknum == nil || *chain.Hooknum != *nftables.ChainHookForward || chain.Table.Name == r.table.Name {
			continue
		}
		switch chain.Table.Family {
		case nftables.TableFamilyINet, nftables.TableFamilyIPv4, nftables.TableFamilyIPv6:
		default:
			continue // a bridge filter is about something else
		}
		listed, err := c.GetRules(chain.Table, chain)
		if err != nil {
			all = errors.Join(all, fmt.Errorf("table %s, chain %s: %w", chain.Table.Name, chain.Name, err))
			continue
		}
		ours := slices.DeleteFunc(listed, func(rule *nftables.Rule) bool {
			text, _ := userdata.GetString(rule.UserData, userdata.TypeComment)
			return len(text) <= len(r.foreign.tag) || text[:len(r.foreign.tag)+1] != r.foreign.tag+" "
		})
		do(c, chain, ours)
		if err := c.Flush(); err != nil && !errors.Is(err, unix.ENOENT) {
			all = errors.Join(all, fmt.Errorf("table %s, chain %s: %w", chain.Table.Name, chain.Name, err))
		}
	}
	return kernel(all, "packet filter of others")
}

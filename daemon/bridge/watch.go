//go:build linux

package bridge

import (
	"context"
	"errors"
	"os"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Watch keeps our rules in force until ctx ends: it puts our table back when somebody flushed the packet filter, and
// our rules into chains that begin to drop what is forwarded, as when dockerd is started later. It returns nil when
// ctx ends, and an error when it cannot watch.
//
// Filters made with the old interface of the kernel (iptables-legacy) tell nobody that they changed; they are looked at
// along with the others. So that bridges of others stay apart from ours, it also watches which of them lead outside.
func (d *Driver) Watch(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	links := make(chan error, 1)
	go func() {
		defer cancel()
		links <- d.watchLinks(ctx, func() {})
	}()
	err := d.watch(ctx, func() {}, func() {})
	cancel()
	return errors.Join(err, <-links)
}

// watch calls ready when it sees all changes from then on, and changed after it has looked at one.
func (d *Driver) watch(ctx context.Context, ready, changed func()) error {
	return subscription{
		what: "watch packet filter", protocol: unix.NETLINK_NETFILTER, groups: []uint32{unix.NFNLGRP_NFTABLES}, ready: ready, concerns: d.concerns,
		look: func() {
			if err := d.repair(); err != nil && ctx.Err() == nil {
				d.log.Error("packet filter", "error", err)
			}
			changed()
		},
	}.follow(ctx)
}

// A subscription is to changes the kernel tells of.
type subscription struct {
	what     string // it is for, in errors
	protocol int
	groups   []uint32
	ready    func()                                // called when all changes from then on are seen
	concerns func(messages []netlink.Message) bool // whether they are worth a look
	look     func()                                // at the beginning as well: something may have changed before
}

// follow looks at changes until ctx ends, then it returns nil.
func (s subscription) follow(ctx context.Context) error {
	events, err := netlink.Dial(s.protocol, nil)
	if err != nil {
		return kernel(err, "%s", s.what)
	}
	defer events.Close()
	for _, group := range s.groups {
		if err := events.JoinGroup(group); err != nil {
			return kernel(err, "%s", s.what)
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = events.Close() })
	defer stop()
	s.ready()
	for look := true; ; {
		if look {
			s.look()
		}
		messages, err := events.Receive()
		switch {
		case ctx.Err() != nil, errors.Is(err, os.ErrClosed):
			return nil
		case errors.Is(err, unix.ENOBUFS): // more happened than we could read
			look = true
		case err != nil:
			return kernel(err, "%s", s.what)
		default:
			look = s.concerns(messages)
		}
	}
}

// concerns reports whether one of the changes may cut us off: not elements of sets, which is what we change all day,
// and not our own rules, unless they are deleted.
func (d *Driver) concerns(messages []netlink.Message) bool {
	for _, m := range messages {
		if uint16(m.Header.Type)>>8 != unix.NFNL_SUBSYS_NFTABLES || len(m.Data) < 4 {
			continue
		}
		deleted := false
		switch uint16(m.Header.Type) & 0xff {
		case unix.NFT_MSG_DELTABLE, unix.NFT_MSG_DELCHAIN, unix.NFT_MSG_DELRULE, unix.NFT_MSG_DELSET:
			deleted = true
		case unix.NFT_MSG_NEWTABLE, unix.NFT_MSG_NEWCHAIN:
		default:
			continue // a new rule alone is not a policy, and the one of iptables -P comes as a chain
		}
		attributes, err := netlink.NewAttributeDecoder(m.Data[4:])
		if err != nil {
			return true
		}
		for attributes.Next() {
			// The name of the table is the first attribute of all of these.
			if attributes.Type() == unix.NFTA_TABLE_NAME && (deleted || attributes.String() != d.rules.table.Name) {
				return true
			}
		}
	}
	return false
}

// repair puts back what of our rules is missing.
func (d *Driver) repair() error {
	whole := false
	err := d.rules.with(func(c *nftables.Conn) (err error) {
		whole, err = d.rules.whole(c)
		return err
	})
	if err != nil {
		return err
	}
	if !whole {
		d.log.Warn("the rules of containers were removed by somebody, and are put back", "table", d.rules.table.Name)
		if err := d.rules.rebuild(d.everything); err != nil {
			return err
		}
	}
	return d.rules.openForeign(d.bridges())
}

// whole reports whether our table is as it was written: somebody may have deleted it, or emptied it (nft flush table).
func (r *rules) whole(c *nftables.Conn) (bool, error) {
	present, _, err := r.present(c)
	if err != nil || !present {
		return false, err
	}
	for _, name := range []string{"forward", "ports", "postrouting", "prerouting", "output", "raw"} {
		listed, err := c.GetRules(r.table, &nftables.Chain{Name: name})
		if errors.Is(err, unix.ENOENT) {
			return false, nil
		}
		if err != nil {
			return false, kernel(err, "packet filter: table %s", r.table.Name)
		}
		if len(listed) == 0 {
			return false, nil
		}
	}
	return true, nil
}

//go:build linux

package bridge

import (
	"context"
	"errors"
	"hash/crc32"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// reaper removes links. Each removal costs the kernel the same waits, under the lock all network configuration of the
// host shares, whether it is for one link or for hundred: so what comes while it is at it is removed together.
type reaper struct {
	log   hclog.Logger
	group int // of the links to be removed next

	mu      sync.Mutex
	closed  bool
	pending []int           // indexes of links
	waiting []chan struct{} // closed when the pending ones are gone
	wake    chan struct{}
	done    chan struct{}
}

func newReaper(log hclog.Logger, instance string) *reaper {
	r := &reaper{
		log: log, wake: make(chan struct{}, 1), done: make(chan struct{}),
		group: int(crc32.ChecksumIEEE([]byte(instance))>>2) | 0x20000000, // nobody's, and not negative
	}
	go r.run()
	return r
}

// remove has links removed. The channel is closed when they are, or when the reaper gave up.
func (r *reaper) remove(indexes ...int) <-chan struct{} {
	gone := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		close(gone)
		return gone
	}
	r.pending = append(r.pending, indexes...)
	r.waiting = append(r.waiting, gone)
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return gone
}

// wait returns when everything given to remove before is gone.
func (r *reaper) wait(ctx context.Context) error {
	select {
	case <-r.remove():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close ends the reaper; what it did not come to is left to Reconcile.
func (r *reaper) close() {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.wake)
	}
	r.mu.Unlock()
	<-r.done
}

func (r *reaper) run() {
	defer close(r.done)
	for range r.wake {
		r.mu.Lock()
		pending, waiting := r.pending, r.waiting
		r.pending, r.waiting = nil, nil
		r.mu.Unlock()
		if err := r.delete(pending); err != nil {
			r.log.Error("remove links of containers", "error", err)
		}
		for _, gone := range waiting {
			close(gone)
		}
	}
}

// delete removes links, of which some may be gone already.
func (r *reaper) delete(indexes []int) error {
	byIndex := func(i int) netlink.Link {
		return &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: i}}
	}
	switch len(indexes) {
	case 0:
		return nil
	case 1:
		return kernel(ignoreGone(netlink.LinkDel(byIndex(indexes[0]))), "link %d", indexes[0])
	}
	for _, i := range indexes {
		if err := ignoreGone(netlink.LinkSetGroup(byIndex(i), r.group)); err != nil {
			return kernel(err, "link %d", i)
		}
	}
	request := nl.NewNetlinkRequest(unix.RTM_DELLINK, unix.NLM_F_ACK)
	request.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	request.AddData(nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(uint32(r.group))))
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	return kernel(ignoreGone(err), "links %v", indexes)
}

// ignoreGone drops the error about a link that is not there.
func ignoreGone(err error) error {
	var missing netlink.LinkNotFoundError
	if errors.Is(err, unix.ENODEV) || errors.As(err, &missing) {
		return nil
	}
	return err
}

// silence stops a bridge from passing anything to or from one of its ports, at once.
func silence(index int) error {
	request := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	message := nl.NewIfInfomsg(unix.AF_BRIDGE)
	message.Index = int32(index)
	request.AddData(message)
	port := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	port.AddRtAttr(nl.IFLA_BRPORT_STATE, []byte{0}) // BR_STATE_DISABLED
	request.AddData(port)
	_, err := request.Execute(unix.NETLINK_ROUTE, 0)
	return ignoreGone(err)
}

// dumped repeats a listing the kernel says was disturbed by a change: it may lack what was there all the time.
func dumped[T any](list func() ([]T, error)) (all []T, err error) {
	for range 20 {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}

//go:build linux

package bridge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The old interface of the kernel to its packet filter, which iptables-legacy uses. A table is one block of bytes that
// is read, changed and replaced as a whole: <linux/netfilter_ipv4/ip_tables.h>, <linux/netfilter/x_tables.h>.

// Numbers of socket options, and sizes and offsets in the structures they take.
const (
	optReplace = 64 // IPT_SO_SET_REPLACE
	optAdd     = 65 // IPT_SO_SET_ADD_COUNTERS
	optInfo    = 64 // IPT_SO_GET_INFO
	optEntries = 65 // IPT_SO_GET_ENTRIES

	tableName   = 32
	infoSize    = tableName + 4 + 5*4 + 5*4 + 4 + 4
	entriesHead = tableName + 4 + 4 // with padding
	replaceHead = tableName + 4 + 4 + 4 + 5*4 + 5*4 + 4 + 8
	counterSize = 16

	entrySize    = 112 // struct ipt_entry
	entryIn      = 16  // name of the interface in
	entryOut     = 32  // name of the interface out
	entryInMask  = 48
	entryOutMask = 64
	entryTarget  = 88 // offset of the target, 16 bits
	entryNext    = 90 // size of the entry, 16 bits
	entryCount   = 96 // counters
	targetSize   = 40 // struct xt_standard_target
	targetName   = 2
	targetNumber = 32 // the verdict

	forwardHook = 2
	verdictDrop = -1 // -NF_DROP - 1
	verdictPass = -2 // -NF_ACCEPT - 1
)

// legacyTable is the table "filter" as the kernel has it.
type legacyTable struct {
	hooks     uint32    // bits
	first     [5]uint32 // offset of the first entry of each chain with a hook
	policy    [5]uint32 // offset of the entry that is its policy
	count     uint32    // entries
	entries   []byte
	changed   []int // for each entry, its number before, or -1
	countsOld uint32
}

// openLegacy lets packets of the bridges pass the FORWARD chain of iptables-legacy, when it drops what it does not know.
func openLegacy(bridges []string) error {
	return changeLegacy(func(t *legacyTable) (bool, error) {
		if v, ok := t.verdict(t.policy[forwardHook]); !ok || v != verdictDrop {
			return false, nil
		}
		present, err := t.find(bridges)
		if err != nil {
			return false, err
		}
		changed := false
		for _, bridge := range slices.Backward(bridges) {
			for _, out := range []bool{true, false} {
				entry := legacyAccept(bridge, out)
				if !slices.ContainsFunc(present, func(at uint32) bool { return t.same(at, entry) }) {
					if err := t.insert(t.first[forwardHook], entry); err != nil {
						return false, err
					}
					changed = true
					if present, err = t.find(bridges); err != nil {
						return false, err
					}
				}
			}
		}
		return changed, nil
	})
}

// closeLegacy removes the rules for one bridge.
func closeLegacy(bridge string) error {
	return changeLegacy(func(t *legacyTable) (bool, error) {
		changed := false
		for _, out := range []bool{true, false} {
			present, err := t.find([]string{bridge})
			if err != nil {
				return false, err
			}
			entry := legacyAccept(bridge, out)
			if i := slices.IndexFunc(present, func(at uint32) bool { return t.same(at, entry) }); i >= 0 {
				if err := t.remove(present[i]); err != nil {
					return false, err
				}
				changed = true
			}
		}
		return changed, nil
	})
}

// legacyAccept is the entry "-i bridge -j ACCEPT", or "-o".
func legacyAccept(bridge string, out bool) []byte {
	entry := make([]byte, entrySize+targetSize)
	name, mask := entryIn, entryInMask
	if out {
		name, mask = entryOut, entryOutMask
	}
	copy(entry[name:], bridge)
	for i := range len(bridge) + 1 { // the zero at the end too: the whole name
		entry[mask+i] = 0xff
	}
	put16(entry[entryTarget:], entrySize)
	put16(entry[entryNext:], entrySize+targetSize)
	put16(entry[entrySize:], targetSize)
	put32(entry[entrySize+targetNumber:], uint32(0x1_0000_0000+verdictPass))
	return entry
}

// changeLegacy reads the table, has it changed and replaces it, while no iptables does the same. A host without the
// table, or without the old interface, needs nothing.
func changeLegacy(change func(*legacyTable) (bool, error)) error {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		return nil // the sizes above are those of 64 bits
	}
	names, err := os.ReadFile("/proc/thread-self/net/ip_tables_names")
	if err != nil || !slices.Contains(strings.Fields(string(names)), "filter") {
		return nil // to ask the kernel for the table would make one
	}
	lock, err := os.OpenFile("/run/xtables.lock", os.O_CREATE|os.O_RDONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return kernel(err, "lock of iptables")
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return kernel(err, "lock of iptables")
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return kernel(err, "legacy packet filter")
	}
	defer unix.Close(fd)
	for range 10 { // EAGAIN: another changed it between reading and replacing, without the lock
		t, err := readLegacy(fd)
		if err != nil {
			return kernel(err, "legacy packet filter")
		}
		changed, err := change(t)
		if err != nil || !changed {
			return err
		}
		if err = t.replace(fd); !errors.Is(err, unix.EAGAIN) {
			return kernel(err, "legacy packet filter")
		}
	}
	return kernel(unix.EAGAIN, "legacy packet filter")
}

// readLegacy reads the table.
func readLegacy(fd int) (*legacyTable, error) {
	info := make([]byte, infoSize)
	copy(info, "filter")
	if err := sockopt(unix.SYS_GETSOCKOPT, fd, optInfo, info); err != nil {
		return nil, err
	}
	t := &legacyTable{hooks: get32(info[tableName:]), count: get32(info[infoSize-8:])}
	for i := range 5 {
		t.first[i], t.policy[i] = get32(info[tableName+4+4*i:]), get32(info[tableName+24+4*i:])
	}
	size := get32(info[infoSize-4:])
	block := make([]byte, entriesHead+int(size))
	copy(block, "filter")
	put32(block[tableName:], size)
	if err := sockopt(unix.SYS_GETSOCKOPT, fd, optEntries, block); err != nil {
		return nil, err
	}
	t.entries = block[entriesHead:]
	t.countsOld = t.count
	for i := range t.count {
		t.changed = append(t.changed, int(i))
	}
	return t, nil
}

// replace puts the table into force, and the counters back that the kernel sets to zero.
func (t *legacyTable) replace(fd int) error {
	counters := make([]byte, counterSize*t.countsOld)
	block := make([]byte, replaceHead, replaceHead+len(t.entries))
	copy(block, "filter")
	put32(block[tableName:], t.hooks)
	put32(block[tableName+4:], t.count)
	put32(block[tableName+8:], uint32(len(t.entries)))
	for i := range 5 {
		put32(block[tableName+12+4*i:], t.first[i])
		put32(block[tableName+32+4*i:], t.policy[i])
	}
	put32(block[tableName+52:], t.countsOld)
	binary.NativeEndian.PutUint64(block[tableName+56:], uint64(uintptr(unsafe.Pointer(unsafe.SliceData(counters)))))
	block = append(block, t.entries...)
	err := sockopt(unix.SYS_SETSOCKOPT, fd, optReplace, block)
	runtime.KeepAlive(counters) // the kernel has written them
	if err != nil {
		return err
	}
	add := make([]byte, tableName+8+counterSize*int(t.count))
	copy(add, "filter")
	put32(add[tableName:], t.count)
	for i, before := range t.changed {
		if before >= 0 {
			copy(add[tableName+8+counterSize*i:], counters[counterSize*before:][:counterSize])
		}
	}
	return sockopt(unix.SYS_SETSOCKOPT, fd, optAdd, add)
}

// walk calls do for every entry, with its offset, until it returns false.
func (t *legacyTable) walk(do func(number int, at uint32) bool) error {
	number := 0
	for at := uint32(0); int(at) < len(t.entries); number++ {
		if len(t.entries)-int(at) < entrySize {
			return errTable
		}
		size, target := uint32(get16(t.entries[at+entryNext:])), uint32(get16(t.entries[at+entryTarget:]))
		if size < entrySize || int(at+size) > len(t.entries) || target < entrySize || target+targetNumber > size {
			return errTable
		}
		if !do(number, at) {
			return nil
		}
		at += size
	}
	return nil
}

var errTable = errors.New("legacy packet filter: a table of an unknown form")

// find returns the offsets of the entries of chain FORWARD that have the size of ours and name one of the bridges.
func (t *legacyTable) find(bridges []string) (found []uint32, err error) {
	err = t.walk(func(_ int, at uint32) bool {
		in := at >= t.first[forwardHook] && at < t.policy[forwardHook]
		if in && get16(t.entries[at+entryNext:]) == entrySize+targetSize && slices.ContainsFunc(bridges, func(b string) bool {
			return t.same(at, legacyAccept(b, true)) || t.same(at, legacyAccept(b, false))
		}) {
			found = append(found, at)
		}
		return true
	})
	return found, err
}

// same compares an entry with one of ours in everything but what counts and what the kernel notes in it.
func (t *legacyTable) same(at uint32, entry []byte) bool {
	if int(at)+len(entry) > len(t.entries) {
		return false
	}
	there := t.entries[at:]
	return bytes.Equal(there[:84], entry[:84]) && bytes.Equal(there[entryTarget:entryNext+2], entry[entryTarget:entryNext+2]) &&
		bytes.Equal(there[entrySize:len(entry)-4], entry[entrySize:len(entry)-4])
}

// verdict is what the entry at an offset does with a packet; false for one with a target of its own.
func (t *legacyTable) verdict(at uint32) (int32, bool) {
	if int(at)+entrySize > len(t.entries) {
		return 0, false
	}
	target := at + uint32(get16(t.entries[at+entryTarget:]))
	if int(target)+targetSize > len(t.entries) || t.entries[target+targetName] != 0 {
		return 0, false
	}
	return int32(get32(t.entries[target+targetNumber:])), true
}

// numberOf returns which entry, counted from 0, is at an offset.
func (t *legacyTable) numberOf(where uint32) (int, error) {
	number := -1
	if err := t.walk(func(n int, at uint32) bool {
		if at == where {
			number = n
		}
		return at < where
	}); err != nil || number < 0 {
		return 0, errors.Join(err, errTable)
	}
	return number, nil
}

// insert puts an entry in front of the one at an offset.
func (t *legacyTable) insert(where uint32, entry []byte) error {
	number, err := t.numberOf(where)
	if err != nil {
		return err
	}
	if err := t.shift(where, int32(len(entry))); err != nil {
		return err
	}
	t.entries = slices.Insert(t.entries, int(where), entry...)
	t.changed = slices.Insert(t.changed, number, -1)
	t.count++
	for i := range 5 {
		if t.hooks&(1<<i) == 0 {
			continue
		}
		if t.first[i] > where {
			t.first[i] += uint32(len(entry))
		}
		if t.policy[i] >= where {
			t.policy[i] += uint32(len(entry))
		}
	}
	return nil
}

// remove takes the entry at an offset out.
func (t *legacyTable) remove(where uint32) error {
	number, err := t.numberOf(where)
	if err != nil {
		return err
	}
	size := uint32(get16(t.entries[where+entryNext:]))
	if err := t.shift(where, -int32(size)); err != nil {
		return err
	}
	t.entries = slices.Delete(t.entries, int(where), int(where+size))
	t.changed = slices.Delete(t.changed, number, number+1)
	t.count--
	for i := range 5 {
		if t.hooks&(1<<i) == 0 {
			continue
		}
		if t.first[i] > where {
			t.first[i] -= size
		}
		if t.policy[i] > where {
			t.policy[i] -= size
		}
	}
	return nil
}

// shift changes what is an offset of an entry behind a place, jumps to chains and to the next entry, by delta. A table with a
// jump out of it is none we know, and nothing is changed.
func (t *legacyTable) shift(where uint32, delta int32) error {
	inside := true
	if err := t.walk(func(_ int, at uint32) bool {
		verdict, ok := t.verdict(at)
		inside = !ok || verdict < 0 || int(verdict) <= len(t.entries)
		return inside
	}); err != nil || !inside {
		return errors.Join(err, errTable)
	}
	return t.walk(func(_ int, at uint32) bool {
		target := at + uint32(get16(t.entries[at+entryTarget:]))
		if verdict, ok := t.verdict(at); ok && verdict >= 0 && uint32(verdict) > where {
			put32(t.entries[target+targetNumber:], uint32(verdict+delta))
		}
		return true
	})
}

// sockopt gets or sets a block of bytes.
func sockopt(call uintptr, fd, option int, block []byte) error {
	size := uint32(len(block))
	last := uintptr(size)
	if call == unix.SYS_GETSOCKOPT {
		last = uintptr(unsafe.Pointer(&size))
	}
	_, _, errno := unix.Syscall6(call, uintptr(fd), unix.IPPROTO_IP, uintptr(option), uintptr(unsafe.Pointer(unsafe.SliceData(block))), last, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func get16(b []byte) uint16    { return binary.NativeEndian.Uint16(b) }
func get32(b []byte) uint32    { return binary.NativeEndian.Uint32(b) }
func put16(b []byte, v uint16) { binary.NativeEndian.PutUint16(b, v) }
func put32(b []byte, v uint32) { binary.NativeEndian.PutUint32(b, v) }

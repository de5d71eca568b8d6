//go:build linux

package volumes

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/types/volume"

	"github.com/cleat-dev/cleat/api/errs"
)

const (
	// localDriver is the only driver.
	localDriver = "local"
	// anonymousLabel marks volumes whose name was made up; prune removes these only, unless told otherwise.
	anonymousLabel = "com.docker.volume.anonymous"
)

var validName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)

// record is what is known of a volume, in the database and, never changed, in memory.
type record struct {
	Name    string
	Created time.Time
	Labels  map[string]string `json:",omitempty"`
	Options map[string]string `json:",omitempty"`
	// Users are the ids of the containers that were made with the volume, Running those that have it mounted. Sorted.
	Users   []string `json:",omitempty"`
	Running []string `json:",omitempty"`
	// Filling: the image's content is being copied in. Removing: only the rest of the removal may follow.
	Filling  bool `json:",omitempty"`
	Removing bool `json:",omitempty"`
}

// clone returns a copy whose lists can be changed.
func (r *record) clone() *record {
	c := *r
	c.Users, c.Running = slices.Clone(r.Users), slices.Clone(r.Running)
	return &c
}

// with returns a sorted list with id in it, without returns one without.
func with(list []string, id string) []string {
	i, found := slices.BinarySearch(list, id)
	if found {
		return list
	}
	return slices.Insert(slices.Clone(list), i, id)
}

func without(list []string, id string) []string {
	i, found := slices.BinarySearch(list, id)
	if !found {
		return list
	}
	return slices.Delete(slices.Clone(list), i, i+1)
}

// entry is a volume in memory. Whoever works on it, or changes its record, holds the turn; the record may be read by
// anybody at any time.
type entry struct {
	turn chan struct{} // of capacity 1: full when taken
	rec  atomic.Pointer[record]
	made bool // folder and record are there; guarded by the turn, as gone
	gone bool // removed, or never made
}

func newEntry(r *record) *entry {
	e := &entry{turn: make(chan struct{}, 1)}
	e.rec.Store(r)
	return e
}

// take waits for the turn.
func (e *entry) take(ctx context.Context) error {
	select {
	case e.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("volume %q is busy: %w", e.rec.Load().Name, ctx.Err())
	}
}

// usable reports whether the volume exists. The caller has the turn.
func (e *entry) usable() bool { return e.made && !e.gone && !e.rec.Load().Removing }

func (e *entry) give() { <-e.turn }

// api describes a volume as the API does.
func (s *Service) api(r *record) volume.Volume {
	return volume.Volume{
		CreatedAt:  r.Created.Format(time.RFC3339),
		Driver:     localDriver,
		Labels:     maps.Clone(r.Labels),
		Mountpoint: s.data(r.Name),
		Name:       r.Name,
		Options:    maps.Clone(r.Options),
		Scope:      "local",
	}
}

// checkName refuses names that are no folder of ours.
func checkName(name string) error {
	switch {
	case len(name) < 2:
		return fmt.Errorf("volume name %q is too short, names should be at least two alphanumeric characters: %w", name, errs.ErrInvalid)
	case len(name) > 255:
		return fmt.Errorf("volume name %.20q… is longer than 255 characters: %w", name, errs.ErrInvalid)
	case !validName.MatchString(name):
		return fmt.Errorf("%q includes invalid characters for a local volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. "+
			"If you intended to pass a host directory, use absolute path: %w", name, errs.ErrInvalid)
	}
	return nil
}

// newName returns a name for a volume that was given none: 64 hexadecimal digits.
func newName() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

// isAnonymous reports whether a volume's name was made up. A name that only looks so may be somebody's own.
func (r *record) isAnonymous() bool {
	_, ok := r.Labels[anonymousLabel]
	return ok
}

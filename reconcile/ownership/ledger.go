package ownership

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	moby "github.com/moby/moby/client"
)

// Ledger is what a project remembers on one engine beside the labels.
type Ledger struct {
	// Records by address, of objects that carry no label of ours or an outdated one.
	Records map[string]Record `json:"records,omitempty"`
	// Forgotten are the ids of objects that carry our labels, which nothing can remove, and are no longer ours.
	Forgotten map[string]bool `json:"forgotten,omitempty"`
	// Outputs of the root module that are not sensitive, as of the last apply.
	Outputs map[string]Output `json:"outputs,omitempty"`
	// History are the last applies, newest last.
	History []Applied `json:"history,omitempty"`

	generation int
	containers []marker // every generation found, highest last
}

// Output is one output: its type and value in cty's JSON.
type Output struct {
	Type  json.RawMessage `json:"type"`
	Value json.RawMessage `json:"value"`
}

// Applied is one apply in the history.
type Applied struct {
	Time    time.Time `json:"time"`
	By      string    `json:"by"`
	Summary string    `json:"summary"`
}

// marker is a container that holds a generation of a ledger.
type marker struct {
	id, name   string
	generation int
}

// historyLength is how many applies a ledger remembers.
const historyLength = 10

// LedgerName is the name of a project's ledger container.
func LedgerName(project string) string { return "cleat-ledger-" + project }

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{Records: map[string]Record{}, Outputs: map[string]Output{}, Forgotten: map[string]bool{}}
}

// Found takes in a container of the engine's list when it is a generation of the project's ledger. The highest
// generation counts: a container is created whole or not at all.
func (l *Ledger) Found(project, id, name string, labels map[string]string) (bool, error) {
	text, ok := labels[LabelLedger]
	if !ok || labels[LabelProject] != project {
		return false, nil
	}
	number, body, _ := strings.Cut(text, " ")
	generation, err := strconv.Atoi(number)
	if err != nil {
		return true, fmt.Errorf("ledger container %s: label %s does not begin with a generation", name, LabelLedger)
	}
	l.containers = append(l.containers, marker{id: id, name: name, generation: generation})
	slices.SortFunc(l.containers, func(a, b marker) int { return a.generation - b.generation })
	if generation < l.generation {
		return true, nil
	}
	read := NewLedger()
	if err := json.Unmarshal([]byte(body), read); err != nil {
		return true, fmt.Errorf("ledger container %s: %w; what it recorded is treated as not ours", name, err)
	}
	l.Records, l.Outputs, l.Forgotten, l.History, l.generation = read.Records, read.Outputs, read.Forgotten, read.History, generation
	return true, nil
}

// Exists reports whether the ledger is on the engine.
func (l *Ledger) Exists() bool { return len(l.containers) > 0 }

// Clone returns a copy to be changed; records are values and shared.
func (l *Ledger) Clone() *Ledger {
	c := *l
	c.Records, c.Outputs, c.Forgotten = maps.Clone(l.Records), maps.Clone(l.Outputs), maps.Clone(l.Forgotten)
	c.History = slices.Clone(l.History)
	return &c
}

// Remember adds an apply to the history.
func (l *Ledger) Remember(a Applied) {
	l.History = append(l.History, a)
	if extra := len(l.History) - historyLength; extra > 0 {
		l.History = l.History[extra:]
	}
}

// empty reports whether there is nothing worth a container. A history alone is not: it goes with the last object.
func (l *Ledger) empty() bool {
	return len(l.Records) == 0 && len(l.Outputs) == 0 && len(l.Forgotten) == 0
}

// sameFacts reports whether two ledgers hold the same, whatever their histories.
func (l *Ledger) sameFacts(other *Ledger) bool {
	a, errA := json.Marshal(Ledger{Records: l.Records, Outputs: l.Outputs, Forgotten: l.Forgotten})
	b, errB := json.Marshal(Ledger{Records: other.Records, Outputs: other.Outputs, Forgotten: other.Forgotten})
	return errA == nil && errB == nil && string(a) == string(b)
}

// Write puts next on the engine in place of l and returns it as the current ledger. Nothing is written when both hold
// the same; an empty ledger is removed. The caller holds the lock. It may be interrupted anywhere: a new generation
// is complete before the old one goes.
func (l *Ledger) Write(ctx context.Context, api API, project string, next *Ledger) (*Ledger, error) {
	if l.sameFacts(next) && len(l.containers) <= 1 {
		return l, nil
	}
	if next.empty() {
		if err := l.remove(ctx, api); err != nil {
			return l, err
		}
		return NewLedger(), nil
	}
	written := next.Clone()
	written.generation = l.generation + 1
	body, err := json.Marshal(written)
	if err != nil {
		return l, fmt.Errorf("ledger of %s: %w", project, err)
	}
	name := LedgerName(project)
	if len(l.containers) > 0 {
		name += "." + strconv.Itoa(written.generation)
	}
	id, err := createMarker(ctx, api, name, map[string]string{
		LabelProject: project, LabelSchema: schema, LabelLedger: strconv.Itoa(written.generation) + " " + string(body),
	})
	if err != nil {
		return l, fmt.Errorf("ledger of %s: %w", project, err)
	}
	written.containers = []marker{{id: id, name: name, generation: written.generation}}
	if err := l.remove(ctx, api); err != nil {
		return written, err
	}
	if name == LedgerName(project) {
		return written, nil
	}
	if _, err := api.ContainerRename(ctx, id, moby.ContainerRenameOptions{NewName: LedgerName(project)}); err != nil {
		return written, fmt.Errorf("ledger of %s: %w", project, err)
	}
	return written, nil
}

func (l *Ledger) remove(ctx context.Context, api API) error {
	for _, m := range l.containers {
		if err := removeMarker(ctx, api, m.id); err != nil {
			return fmt.Errorf("old ledger %s: %w", m.name, err)
		}
	}
	return nil
}

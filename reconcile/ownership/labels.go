package ownership

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cleat-dev/cleat/reconcile/graph"
	"github.com/cleat-dev/cleat/resources/contract"
)

// Prefix begins every label cleat puts on an object.
const Prefix = "dev.cleat."

// The labels.
const (
	LabelProject = Prefix + "project"
	LabelAddress = Prefix + "address"
	LabelSchema  = Prefix + "schema"
	LabelRecord  = Prefix + "record"
	LabelLedger  = Prefix + "ledger"
	LabelLock    = Prefix + "lock"
)

// schema is the version of the labels' form; a label with a higher one was written by a newer cleat.
const schema = "1"

// Record is what cleat remembers of one object beyond what its engine reports.
type Record struct {
	// ID is the object's id attribute. It is empty in a label, which is on the object itself.
	ID string `json:"i,omitempty"`
	// Needs are the addresses of what the object was made from.
	Needs []string `json:"n,omitempty"`
	// Applied are fingerprints of the declaration.
	Applied contract.Applied `json:"a,omitempty"`
	// Values are attributes as JSON: those no engine reports; of an object that cannot be labelled all that identify
	// it. Sensitive ones are never among them.
	Values map[string]json.RawMessage `json:"v,omitempty"`
	// Intent: the record was written before the object was made, which may not have happened.
	Intent bool `json:"t,omitempty"`
	// Existed: the object was there before us and is not removed by us.
	Existed bool `json:"e,omitempty"`
	// Previous is the object this one replaced and that is still there, of objects that cannot be labelled.
	Previous *Record `json:"p,omitempty"`
}

// Equal reports whether two records say the same.
func (r Record) Equal(other Record) bool {
	a, errA := json.Marshal(r)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Labels are the labels of an object of a project at an address.
func Labels(project string, address graph.Instance, r Record) (map[string]string, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("record of %s: %w", address, err)
	}
	return map[string]string{LabelProject: project, LabelAddress: address.String(), LabelSchema: schema, LabelRecord: string(text)}, nil
}

// Owned reads the labels of an object: the address it was made for and its record. ok is false for an object of
// another project or of none.
func Owned(project string, labels map[string]string) (address graph.Instance, r Record, ok bool, err error) {
	if project == "" || labels[LabelProject] != project || labels[LabelAddress] == "" {
		return address, r, false, nil
	}
	if address, err = graph.ParseInstance(labels[LabelAddress]); err != nil {
		return address, r, false, fmt.Errorf("label %s: %w", LabelAddress, err)
	}
	if labels[LabelSchema] != schema {
		return address, r, false, fmt.Errorf("%s carries labels of form %q, this cleat knows form %s: it was made by a newer cleat, upgrade", address, labels[LabelSchema], schema)
	}
	if err := json.Unmarshal([]byte(labels[LabelRecord]), &r); err != nil {
		// The record only adds spelling and causes; the address alone makes the object ours.
		return address, Record{}, true, nil
	}
	return address, r, true, nil
}

// Labelled reports whether an object carries labels of any project of cleat.
func Labelled(labels map[string]string) bool {
	for name := range labels {
		if strings.HasPrefix(name, Prefix) {
			return true
		}
	}
	return false
}

// strip removes our labels from those of an object, so that a type never sees them.
func strip(labels map[string]string) {
	for name := range labels {
		if strings.HasPrefix(name, Prefix) {
			delete(labels, name)
		}
	}
}

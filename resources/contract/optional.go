package contract

import (
	"context"
	"slices"
)

// Successor is implemented by a type whose object can step aside while the one that replaces it is made: the old one
// is kept until the new one is up, and comes back when that fails.
type Successor[M, E any] interface {
	// Aside takes the object out of the way (stopped, under another name, see [AsideSuffix]) and returns it as it is
	// then. Taking aside what is aside already changes nothing.
	Aside(ctx context.Context, e E, observed M) (M, error)
	// Restore undoes Aside: the object has its name back and runs if it ran.
	Restore(ctx context.Context, e E, aside M) error
	// Up waits until a new object does its work: it runs and, where it has a health check, is healthy. The error
	// holds the last lines of its log.
	Up(ctx context.Context, e E, created M) error
}

// Identified is implemented by a type whose objects are told apart, for as long as they live, by another attribute than
// id: one that says more than that (an image's id follows its content). It is a text that Import accepts.
type Identified interface {
	IdentifiedBy() string
}

// Demanding is implemented by a type that needs something of its engine that no version tells, such as being part of a
// swarm. Supported is asked, when an object is to be created, at plan: it makes reads only, and its error says what is
// missing and what to do.
type Demanding[E any] interface {
	Supported(ctx context.Context, e E) error
}

// AsideSuffix ends the name of an object that stepped aside.
const AsideSuffix = ".cleat-aside"

// Explainer is implemented by a type whose objects go on without us: what was made as planned may be another thing when it
// is looked at. Explain is asked of a result that differs from the plan. Its error says what became of the object and
// what to do; nil says that the difference is nothing the object did.
type Explainer[M, E any] interface {
	Explain(ctx context.Context, e E, planned, result M) error
}

// Fetcher is implemented by a type whose Create may have to get something from elsewhere first (an image). Fetch gets it
// and nothing else, if it is not there. Hosts that can call it for an object that is to be replaced before they remove
// anything; of what is planned some may be unknown then. Create does without it.
type Fetcher[M, E any] interface {
	Fetch(ctx context.Context, e E, planned M) error
}

// Sweeper is implemented by a type whose in-place update can leave something behind that is in use until everything
// else has converged too: the image a name stood for before. Hosts that can call Sweep once all of that is done, and
// only then. What still is in use stays, and is no error.
type Sweeper[M, E any] interface {
	// Sweep removes what the update left of the object as it was before.
	Sweep(ctx context.Context, e E, before M) error
}

// Declarer is implemented by a type some of whose values an engine chooses where nobody does. Declared returns an observed
// object without what its engine would choose again: what a person would have written.
type Declarer[M, E any] interface {
	Declared(ctx context.Context, e E, observed M) (M, error)
}

// Preparer marks a type whose creation and update disturb nothing that runs (images). Hosts do all of them before
// they remove anything.
type Preparer interface{ Prepares() }

// ClaimKind is a kind of thing only one object of a host can have.
type ClaimKind string

// What is claimed. The value of a host port has the form 8080/tcp.
const (
	ClaimContainerName ClaimKind = "container name"
	ClaimVolumeName    ClaimKind = "volume name"
	ClaimNetworkName   ClaimKind = "network name"
	ClaimImageName     ClaimKind = "image name"
	ClaimSecretName    ClaimKind = "secret name"
	ClaimConfigName    ClaimKind = "config name"
	ClaimServiceName   ClaimKind = "service name"
	ClaimHostPort      ClaimKind = "host port"
	// ClaimAddress is an address (IP) on a network (the value, its name or id).
	ClaimAddress ClaimKind = "address"
	// ClaimSubnet is a range (IP, as CIDR) a network (the value, its name) gives addresses from.
	ClaimSubnet ClaimKind = "subnet"
	// ClaimConnection is the place of a container in a network: the name or id of either, joined by a colon.
	ClaimConnection ClaimKind = "connection"
	ClaimPluginName ClaimKind = "plugin name"
)

// Claim is one thing an object takes for itself on its host.
type Claim struct {
	Kind  ClaimKind
	Value string
	// IP is the address of a host port, empty for all addresses; that of an address; the range of a subnet; empty for
	// other kinds.
	IP string
	// Path is the attribute that makes the claim: name, ports[1].external.
	Path string
}

// Conflicts reports whether two claims cannot both be met. Host ports conflict on the same address, and when one
// of them is on all addresses.
func (c Claim) Conflicts(other Claim) bool {
	if c.Kind != other.Kind || c.Value != other.Value {
		return false
	}
	any := func(ip string) bool { return slices.Contains([]string{"", "0.0.0.0", "::"}, ip) }
	return c.IP == other.IP || any(c.IP) || any(other.IP)
}

// Claimant is implemented by a type whose objects take names, ports and the like. Claims are those of a desired
// object; what is unknown or left to the engine claims nothing. Image names are claimed only by who makes the image
// (build, tag, commit), not by who pulls it; they are in familiar form with a tag.
type Claimant[M any] interface {
	Claims(m M) []Claim
}

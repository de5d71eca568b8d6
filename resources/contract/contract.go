package contract

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	dsschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// Type is one resource type. M is its model, a struct whose fields carry `tfsdk` tags; E is the part of the
// engine's API the type calls, declared by the type itself, so that a fake of it stays small.
//
// Every operation is safe to interrupt and to run again. Errors wrap a class of api/errs and carry the attribute
// at fault where there is one (see [At]).
type Type[M, E any] interface {
	// Name is the type's name without the provider's prefix: "container" for docker_container.
	Name() string
	// Schema gives names, types, defaults, single-attribute validators and docs. It has no plan modifiers, no
	// custom types, no cross-attribute validators and no nested attributes ([Host] checks).
	Schema(ctx context.Context) schema.Schema
	// Rules says what a change of each attribute means. An attribute without a row replaces.
	Rules() Rules
	// Read reports the object as it is now. last is what is known of it from before (identity, spelling and order
	// of values, config-only values); Read must be right with nothing but the identity in last. It reports what
	// was set on the object beyond what image and engine put there. A missing object is errs.ErrNotFound.
	Read(ctx context.Context, e E, last M) (M, error)
	// Create makes the object. It returns the model with at least the identity known; computed values it does not
	// know for free stay unknown, and the host calls Read when it needs them. Once the object exists a failure
	// is returned as *[Partial] together with the model.
	Create(ctx context.Context, e E, planned M) (M, error)
	// Update brings the observed object to planned by the changes given, all of them [InPlace]. What it returns
	// follows the rules of Create; after a failure the host reads the object again.
	Update(ctx context.Context, e E, observed, planned M, changes Changes) (M, error)
	// Delete removes the object; nil when it is gone already.
	Delete(ctx context.Context, e E, observed M) error
	// Import finds an object by what a person calls it (name or id) and reads it.
	Import(ctx context.Context, e E, id string) (M, error)
}

// Resolver is implemented by a type whose desired state depends on something the engine must be asked, such as the
// id an image reference stands for now. Resolve makes only reads, sets only computed attributes of desired, and is
// called only when the object exists: a create must not depend on an answer that may change before it is applied.
type Resolver[M, E any] interface {
	Resolve(ctx context.Context, e E, desired *M) error
}

// Validator is implemented by a type with conditions across attributes. config may hold unknown values, which are
// to be passed over; diagnostics carry attribute paths. It makes no engine calls.
type Validator[M any] interface {
	Validate(ctx context.Context, config M) diag.Diagnostics
}

// DataSource is one data source: a read-only question to the engine.
type DataSource[M, E any] interface {
	// Name is the data source's name without the provider's prefix.
	Name() string
	// Schema gives names, types, validators and docs.
	Schema(ctx context.Context) dsschema.Schema
	// Read answers: config with its computed attributes filled. Defaults are the data source's own business:
	// data source schemas have none.
	Read(ctx context.Context, e E, config M) (M, error)
}

// Effect is what a change of an attribute does to the object.
type Effect int

const (
	// Replace destroys the object and creates another. It is the zero value: a forgotten rule is slow, never wrong.
	Replace Effect = iota
	// InPlace changes the living object by [Type.Update].
	InPlace
)

func (e Effect) String() string {
	if e == InPlace {
		return "update"
	}
	return "replace"
}

// Cause is why an attribute changes.
type Cause string

const (
	// Configuration: the declaration differs from what was applied last (or nothing is known of it).
	Configuration Cause = "configuration"
	// Drift: the declaration is what was applied, the object was changed behind our back.
	Drift Cause = "drift"
	// Image: the image reference is the same and stands for another image now.
	Image Cause = "image"
	// BuildContext: files of a build context changed.
	BuildContext Cause = "build context"
)

// Rule says what a change of one attribute or block means.
type Rule struct {
	// Effect of a change; [Replace] when not given.
	Effect Effect
	// By decides the effect where it depends on the values (an engine that cannot unset a limit). Values are
	// framework values as in the model; a desired value may be unknown.
	By func(observed, desired attr.Value) Effect
	// Same reports that two different, known values mean the same to the engine ("64m" and 67108864, env in
	// another order). The observed spelling is kept then and nothing changes.
	Same func(observed, desired attr.Value) bool
	// Key names the attributes that identify an item of a nested list block whose order the engine does not keep.
	Key []string
	// Stable marks a computed attribute that no in-place update moves.
	Stable bool
	// MovedBy names the attributes whose in-place changes move this computed attribute. When neither Stable nor
	// MovedBy is given, every in-place change moves it: it is then unknown in the plan of any update.
	MovedBy []string
	// ConfigOnly marks an attribute that steers operations and that no engine reports (wait, keep_locally). It is
	// recorded by the host; a change of it is [InPlace] whatever Effect says, and makes no engine call of its own.
	ConfigOnly bool
	// Unreported marks an attribute that makes the object what it is and that no engine reports (uploaded files,
	// a build context). The host records it, like a ConfigOnly one; a change of it has the Effect given here.
	Unreported bool
	// Filled marks a list or set block that may have items where none are declared: the engine's, or those another provider
	// recorded. A read that begins without it tells most of those apart. For Terraform it is an attribute that is written as
	// blocks, so that it may stay; a declared one is planned to the letter, so nothing in it is computed or has a default.
	Filled bool
	// Stays marks an attribute inside a block, or a Filled block, that kreuzwerker/docker records also where nothing is
	// declared and the engine cannot tell which it was: of a state that is taken over it stays while nothing is declared.
	Stays bool
	// Hollow marks a block that kreuzwerker/docker records where none is declared, with nothing but zeros and defaults: of a
	// state that is taken over such a one is left out.
	Hollow bool
	// FromImage marks a block that the image gives where none is declared.
	FromImage bool
	// ZeroIsSet says that null and the zero value (false, 0, "", no elements) mean different things to the engine; Same is
	// asked of null too then.
	// Without it a difference between those two is no change.
	ZeroIsSet bool
	// Since is the lowest API version whose engine can make this change in place. Below it the change replaces,
	// and the plan says so.
	Since string
	// Call names the engine call the change is made by, for engines that speak the version and lack the call
	// ([Lacking]): there the change replaces as well.
	Call string
	// Requires is the lowest API version that can express the attribute at all. Setting it on an older engine is
	// refused at plan. That of the id is about the object as a whole, whatever it declares.
	Requires string
	// RequiresFor is the same where the version depends on the value; "" for a value every version can express.
	RequiresFor func(desired attr.Value) string
	// Cause of a change of this attribute, where it is always the same one ([Image]); else the planner finds it.
	Cause Cause
	// Of names the declared attribute or block that a computed attribute follows from: a change is drift where that is as it
	// was applied. Of what nobody declares there is no record.
	Of string
	// Refers names the types ("network") one of whose objects a text names, by its id or name, or after the type's name
	// and a colon ("container:ID"). A written configuration refers to it then.
	Refers []string
	// Explain words what differs, for values that say little by themselves (hashes of files). The plan shows it.
	Explain func(observed, desired attr.Value) string
}

// Rules maps an attribute ("memory"), a block ("ports") or an attribute of a block ("ports.external") to its rule.
type Rules map[string]Rule

// Change is one attribute that differs between the observed object and the plan.
type Change struct {
	// Path is the name of the top-level attribute or block.
	Path string
	// Before and After are framework values; After may be unknown.
	Before, After attr.Value
	Effect        Effect
	Cause         Cause
	// Reason says, in words, what a reader cannot see from the values: why a change that is usually made in place
	// replaces, or which file of a build context differs. Often empty.
	Reason string
}

// Changes is the difference of one object, ordered by path.
type Changes []Change

// Effect is Replace when any change replaces, else InPlace. It means nothing for no changes.
func (c Changes) Effect() Effect {
	for _, change := range c {
		if change.Effect == Replace {
			return Replace
		}
	}
	return InPlace
}

// Has reports whether any of the named attributes changes.
func (c Changes) Has(paths ...string) bool {
	for _, change := range c {
		for _, path := range paths {
			if change.Path == path {
				return true
			}
		}
	}
	return false
}

// Blocks is a nested block in a model: its items, or that they are not known yet (a dynamic block over an unknown).
// Blocks are never null; no items means the block is not declared. Single nested blocks have at most one item.
type Blocks[T any] struct {
	Items   []T
	Unknown bool
}

// BlocksOf returns known blocks with these items.
func BlocksOf[T any](items ...T) Blocks[T] { return Blocks[T]{Items: items} }

// One returns the block of a kind that may appear once, and whether it is declared and known.
func (b Blocks[T]) One() (T, bool) {
	if b.Unknown || len(b.Items) == 0 {
		var zero T
		return zero, false
	}
	return b.Items[0], true
}

// Versioned is implemented by an engine value that knows the API version it speaks ("1.41"). The planner uses it
// for [Rule.Since] and [Rule.Requires]; without it every rule is taken to be supported.
type Versioned interface{ ClientVersion() string }

// CallContainerUpdate is the [Rule.Call] that changes limits and the restart policy of a container.
const CallContainerUpdate = "container update"

// Lacking is implemented by an engine value that knows which calls its engine lacks though the version has them: for
// each [Rule.Call] who lacks it ("podman 4.3.1").
type Lacking interface{ Lacks() map[string]string }

// LacksOf is what an engine value says it lacks; nothing when it says nothing.
func LacksOf(engine any) map[string]string {
	if l, ok := engine.(Lacking); ok {
		return l.Lacks()
	}
	return nil
}

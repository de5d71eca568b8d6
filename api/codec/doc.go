// Package codec holds what differs between versions of the engine's API, as data.
//
// The shape of a body is that of the newest version cleat knows; a [Shape] lists the [Step]s by which older versions
// differ from it. The client lifts what an older engine answers (Up) and lowers what it sends (Down); the daemon does
// the reverse for older clients. [Routes] says which shapes belong to which call, since when a call exists, and which
// fields and query parameters an older engine would silently ignore.
//
// Steps work on decoded JSON, keep numbers exact and leave alone what they do not know. A step does nothing to a body
// that has the newer shape already: later engines send newer fields at old versions too, so Up∘Up equals Up.
package codec

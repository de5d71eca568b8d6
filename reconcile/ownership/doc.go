// Package ownership knows what on an engine is ours. There is no state file: the engine is the state.
//
//   - Labels on everything that can carry them say which project and which address an object belongs to, and hold a
//     small [Record] of what no engine reports.
//   - The [Ledger], one never-started container per project, holds records of what cannot be labelled (images, tags)
//     or was changed in place, and the outputs.
//   - The [Lock] is a container too: creating a name is atomic on every engine.
//
// A lost ledger never leads to a deletion: an object without a label and without a record is not ours.
package ownership

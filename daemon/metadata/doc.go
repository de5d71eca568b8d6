// Package metadata is the daemon's one transactional file: typed tables of JSON records on bbolt.
//
// Everything the daemon must know again after kill -9 or a power cut is in here; what is on disk as files (layers, logs,
// journals) is only referred to. A committed transaction is on the disk before [DB.Update] returns.
//
// Writers that come at the same time share one commit, and with it one fsync, without sharing their fate: the changes
// of a function that returns an error are taken back one by one, those of the others stay. Each function is called
// exactly once, in the caller's goroutine, and never at the same time as another.
//
// Readers ([DB.View], [Table.Get] …) see the last commit and never wait for writers.
//
// A function given to Update or View must not call Update, View or the methods of a [Table] that take no [Tx]: bbolt
// would deadlock. It uses the methods whose names end in In.
package metadata

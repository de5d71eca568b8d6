// Package content keeps what images are made of: blobs by digest, layers unpacked as snapshots, the names that hold
// them and the leases of work under way. It is containerd's metadata store on one bbolt file with its local content
// store and the overlay snapshotter (native, which copies, where the file system has no overlay), used as a library.
//
// What nothing refers to is removed by [Store.GC]. Roots are the records in Images, leases that have not expired (a label
// "gc.expire" on anything else protects nothing), and the chains that [Store.Hold] names; from a root labels lead on: image to manifest, manifest to configuration and
// layers, configuration to its top snapshot, snapshot to its parents. The daemons' packages snapshot, registry and
// images use the store; nobody else does.
//
// All calls of containerd's interfaces need a context of [Context], which says the namespace.
package content

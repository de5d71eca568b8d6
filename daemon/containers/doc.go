// Package containers is the service behind /containers and POST /commit: it composes the mechanisms (runtime, snapshot,
// spec, bridge, logs, archive, events, records) into what the API calls a container.
//
// # Records
//
// A container is one record in the database. Everything that happens to it is one transaction that holds the changed
// record, how far its journal is read, and the event that tells of it; so after kill -9 the next daemon knows exactly
// what has been told and settles the rest from the journal (daemon/runtime). Readers see immutable snapshots of records
// and take no lock; whoever changes a container holds that container's lock and no other.
//
// # Order of things
//
// Creation makes files first and the record last, removal deletes the record first and files last: what a crash leaves
// behind has no record, and Reconcile removes what has none. A run is set up by start in the order rootfs, files,
// network, specification, monitor; what fails undoes the steps before it. A run is taken down by its exit entry in the
// journal, before the record says "exited": whoever sees a container stopped finds its ports free.
//
// The restart policy of a living container is its monitor's. This package counts restarts from the journal, and applies
// policies itself only after a reboot of the host.
package containers

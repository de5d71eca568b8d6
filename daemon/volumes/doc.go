//go:build linux

// Package volumes keeps the local volumes of the daemon: folders below <data-root>/volumes/<name>/_data that outlive
// containers, and file systems mounted there (options type, o and device, as of the local driver). The routes call it
// for the API, the containers service for create, start, end and remove.
//
// # Users
//
// A container uses a volume from its creation to its removal ([Service.Use], [Service.Release]); a volume in use cannot
// be removed. While it runs it has the volume mounted ([Service.Mount], [Service.Unmount]); a volume with options is
// really mounted by the first and unmounted by the last of them.
//
// # Crashes
//
// A record says what was begun: Filling while the image's content is copied in, Removing from the moment a removal is
// decided. [Service.Reconcile] ends at the next start what was interrupted, drops users that do not exist any more and
// takes in folders without a record, as dockerd does: content is never removed because a record is missing.
package volumes

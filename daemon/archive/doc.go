//go:build linux

// Package archive moves tar archives in and out of a container's file system, whether the container runs or not. It
// serves POST /containers/{id}/copy, GET …/export, HEAD, GET and PUT …/archive, the COPY and ADD of builds, and the
// first filling of volumes. The containers, builds and volumes services call it.
//
// # Why it is safe
//
// A path in a container may be changed by the container while it is resolved. Every path is therefore walked here,
// one component after the other, on descriptors: a component is opened with O_PATH|O_NOFOLLOW below the descriptor of
// its parent; the text of a symbolic link is read and walked in turn, an absolute one from the container's root; ".."
// goes back to the descriptor walked before and is never given to the kernel. Whatever is renamed meanwhile, the walk
// cannot leave the root. The last step is always done with the name below its parent's descriptor and without
// following links; files are opened for reading only after their type is known, through the descriptor examined, so
// that no fifo blocks and no device is touched.
//
// openat2 with RESOLVE_IN_ROOT would do this in one call, but not what is needed besides: volumes and binds are
// mounted in the container's mount namespace only, so the kernel does not see them from here. The walk puts them in
// ([Mount]). A helper process in a namespace of its own would see them too; it would cost a process and a copy of the
// host's mount table for each call.
//
// # Untrusted archives
//
// Names and hard links that lead out of the extraction point are refused ([errs.ErrInvalid]); symbolic links are
// made as they are written, since nothing follows them out. What an archive may hold is bounded by
// [UntarOptions.MaxBytes] and MaxEntries, and a file larger than what is free is refused before it is begun.
// [Decompress] refuses what would need much memory to be read.
package archive

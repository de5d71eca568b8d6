// Package images is the service behind the API's images: pulling, pushing, importing, loading, saving, tagging,
// listing and removing them, and making new ones from layers (commit and build).
//
// An image is its configuration; its ID is the configuration's digest. Records in the content store keep images alive:
//
//	image/sha256:<hex>                    one for each image; its target is the manifest that names its blobs, its labels
//	                                      are what a list shows and what cannot be computed (parent, chain, size)
//	name/docker.io/library/busybox:1      one for each tag
//	name/docker.io/library/busybox@sha256:…   one for each digest by which a registry knows the image; its target is
//	                                      what has that digest, the manifest or the index it was found in
//
// From them labels lead to everything else (see package content). All records are in memory too, as an index; a change
// is one transaction on the disk first and a change of the index afterwards, so a reader sees it whole and a crash
// leaves it whole. What a record of the disk does not tell is read from the configuration when somebody asks.
//
// While something is fetched or made, a lease keeps it. What has lost its last reference goes with the next collection
// of the store, which the service asks for.
package images

// Package snapshot gives containers their file systems: a read-write layer on top of an image's layers, and the image's
// layers themselves.
//
// A container's layer is a folder <root>/<id> with the file layer.json (the chain it stands on) and, with overlay, the
// folders upper, work and rootfs. rootfs is the mount point; the mount stays when the daemon dies. Between the image
// and the container lies an init layer, made once for each chain: the files and folders which every container mounts
// something over (/etc/hosts, /proc, /dev/pts …) where the image has none, so that they are neither changes of the
// container nor part of what is committed.
//
// A folder under <root>/<id> is always whole: it is made under a hidden name and renamed, and hidden names are swept by
// [Layers.Reconcile]. The chain of a container is held in the content store as long as its layer is there.
//
// Changes and commits read the upper folder alone, so their cost is that of the changes. Where there is no overlay a
// container is a copy of its image, and they compare two trees.
//
// Whatever comes out of an image or an archive stays inside: names are resolved in the layer's own root, whiteouts and
// attributes that mean something to overlay are not taken from archives. Device nodes in a layer are made, as images
// may need them; what a container may open is for its device rules to say.
package snapshot

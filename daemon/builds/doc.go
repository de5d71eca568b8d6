// Package builds is the service behind POST /build: it makes an image of a Dockerfile and its context, step by step, as
// Docker's classic builder does.
//
// # Order of things
//
// The context is unpacked into a folder of the build's own below Root, the Dockerfile is parsed, and only then is the
// first message sent: what is wrong before has a status, what is wrong later is the last message of the stream. Every
// step makes an image whose parent is that of the step before. RUN is a container of the containers service, with the
// same isolation as any other. COPY, ADD and WORKDIR write into a read-write layer without a container; the other
// instructions change the configuration alone, and make a container only when the client wants to keep it (rm=0).
//
// # Cache
//
// A step's key is made of its parent image, its command (with the hash of what it copies, and the build arguments it
// can see) and the configuration it results in. The index from key to image is a table in memory, written once per
// build; a hit counts only when the image is still there with that parent. So a lookup costs the same however many
// images there are.
//
// # Ends
//
// A build that is cancelled, by its client leaving or by the daemon's end, leaves nothing: its containers, layers, files
// and the images it made are removed. A build that fails leaves the images of the steps before, as cache. After kill -9,
// [Service.Reconcile] removes the files; layers and containers are removed by those they belong to.
//
// # Outside bytes
//
// Contexts and archives are unpacked through descriptors of the folder they belong in (os.Root), where no name and no
// link leads out. Paths in images and contexts are resolved with the image or the context as root.
package builds

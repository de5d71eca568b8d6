// Package registry speaks to image registries: the distribution protocol (v2) for manifests, layers and tags, the token
// and basic schemes of authentication, and the index for searches. It knows nothing of images as the daemon keeps them;
// package images decides what to fetch and what to do with it.
//
// What a registry says is not believed: manifests and blobs are compared with their digests, sizes are bounds, and a
// registry that stops sending is left after [Config.StallTimeout]. A transfer that is cut goes on where it was, with a
// range request, as long as it makes progress.
//
// Credentials are given to the registry they are for and to the token service it names, never to mirrors or to where a
// blob is redirected to.
package registry

// Package client reaches an engine and speaks its version of the API.
//
// [New] finds the engine (unix socket, named pipe, tcp with or without TLS, ssh, docker contexts), probes it once
// with the unversioned GET /version and pins the highest version both sides know. What it returns is moby's client
// with five things below it, each an http.RoundTripper:
//
//   - reads (inspects and lists) asked for at the same time go out once, and image inspects are remembered until a
//     call that can change images;
//   - a podman before 5 is asked to change the names of images one at a time;
//   - for engines below 1.44 bodies, queries and paths are converted by api/codec, down to 1.18;
//   - what podman reads in another form than Docker's is written in that;
//   - transport failures become [*Unreachable], which says what is wrong and what to do next.
//
// Callers use moby's methods and the errors of api/errs; none of the above shows.
package client

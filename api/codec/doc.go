// Package codec holds what differs between versions of the engine's API, as data.
//
// The shape of a body is that of the newest version cleat knows; a [Shape] lists the [Step]s by which older versions
// differ from it. The client lifts what an older engine answers (Up) and lowers what it sends (Down); the daemon does
// the reverse for older clients. [Routes] says which shapes belong to which call, since when a call exists, and which
// fields and query parameters an older engine would silently ignore.
//
// Steps work on decoded JSON, keep numbers exact and leave alone what they do not know. A step does nothing to a body
// that has the newer shape already: later engines send newer fields at old versions too, so Up∘Up equals Up.
//
// # The daemon's direction
//
// The newest form is that of the Go types of github.com/moby/moby/api with the meaning of 1.44. [Route.Raise] lifts a
// request, [Route.Answer] lowers an answer or one object of a stream, [Route.Traits] names the behaviours that differ.
// At 1.18 an answer has exactly the keys of the document remote-api-v1.18.md, each present, and at 1.2 those of
// remote-api-v1.2.md; between them what a version did not have yet is taken away, step by step. From 1.19 to 1.43
// newer keys stay, as real engines leave them. Three things go out beyond the document because today's docker CLI
// computes with them at every version: Type, Action and Actor of events (an exit code is in Actor.Attributes), and
// precpu_stats and preread of stats. Labels of the image list and the fields of an image that are not in the document's
// shortened example are versions.md's, section 3.
//
// # Hooks
//
// What the newest Go types cannot carry a handler adds beside them:
//
//   - exec inspect: "Container", the container's inspect in the newest form, where the trait exec-inspect-container holds;
//   - container inspect: Config.MacAddress, the address the container was made with (1.44 has it, 1.52 has not);
//   - image inspect: Parent, DockerVersion, Container and ContainerConfig, where the image's own JSON has them;
//   - create: HostConfig.LxcConf reaches the handler as it was sent; it is accepted with a warning (1.18, create).
//
// A MacAddress in the body of create becomes NetworkingConfig.EndpointsConfig[mode].MacAddress, with "bridge" for the
// default mode.
//
// # Traits
//
// Sources: D is remote-api-v1.18.md (section), E is remote-api-v1.2.md (section), V is versions.md (section), M is the
// document or changelog of that version in the module github.com/moby/moby/api, docs/.
//
//	text-errors              < 1.24  an error is its text and a newline; V 1. Holds for every call
//	name-loose               < 1.19  create, rename: a name is /?[a-zA-Z0-9_-]+, later at least two characters and the
//	                                 first no sign; D "Create a container"
//	start-host-config        < 1.24  start reads a HostConfig from the body; D "Start a container", V 2
//	kill-stopped-ok          < 1.20  kill of what does not run: 204; V 2
//	conflict-500             < 1.24  resize of what does not run: 500, later 409; D "Resize a container TTY"
//	wait-headers-early       ≥ 1.30  wait sends its header at once; V 2
//	wait-bad-condition-400   ≥ 1.42  wait refuses unknown conditions; V 2, M 1.42. Below 1.30 Raise drops the parameter
//	attach-multiplexed-type  ≥ 1.42  attach, logs, exec start: application/vnd.docker.multiplexed-stream for frames; M 1.42
//	logs-upgrade             < 1.40  logs answers 101 UPGRADED to a client that asks for it; D "Get container logs", M 1.25 to 1.39
//	ws-binary                ≥ 1.28  attach/ws sends binary messages; V 2
//	ws-streams               ≥ 1.42  attach/ws honours stdin, stdout, stderr; V 2. D documents only logs and stream
//	copy                     < 1.24  POST …/copy exists; V 2
//	delete-in-progress       < 1.25  removing what is being removed: waits, 204; later a conflict; M 1.25, V 2
//	exec-resize-201          < 1.25  exec resize: 201, later 200; D "Exec Resize", M 1.19 to 1.24
//	exec-inspect-plain-text  < 1.22  exec inspect: Content-Type plain/text; D "Exec Inspect", M 1.19 to 1.21
//	exec-inspect-container   < 1.22  exec inspect has the whole container; D "Exec Inspect", V 2
//	build-no-aux             < 1.30  the message with the image's id, aux, is left out; V 4
//	tag-needs-force          < 1.24  tag of a name in use: 409 without force; D "Tag an image", V 3
//	load-progress            ≥ 1.23  load answers a stream of messages; V 3. Below: 200 and nothing, D "Load a tarball"
//	network-list-containers  < 1.28  the list of networks has their containers; V 4
//
// and before 1.18
//
//	error-without-detail     < 1.8   the error that ends a stream is its text alone; E "Create an image", M 1.8. Every call
//	start-merges-host-config < 1.15  the body of start replaces only what it says: the rest came with create; V 2
//	start-200                < 1.3   start: 200; E "Start a container", M 1.3, V 6
//	start-running-500        < 1.13  start of what runs: 500, later 304; E "Start a container", M 1.13
//	stop-stopped-204         < 1.13  stop of what does not run: 204, later 304; E "Stop a container", M 1.13
//	remove-running-500       < 1.12  removal of what runs: 500, later 409; E "Remove a container", V 2
//	attach-merged            < 1.6   attach: both streams without frames; E "Attach to a container", M 1.6
//	copy-octet-stream        < 1.15  copy: application/octet-stream, later x-tar; M 1.4 to 1.15
//	commit-raw-type          < 1.12  commit: its JSON is application/vnd.docker.raw-stream; E "Create a new image", M 1.12
//	commit-run               < 1.12  commit: the configuration may be in the query, as run; V 4
//	pull-begins              < 1.12  a pull answers 200 at once, what fails is in the stream; E "Create an image"
//	push-registry            < 1.14  push: the parameter registry says where to; V 3
//	push-auth-body           < 1.5   push: credentials are the body; E "Push an image", M 1.5
//	build-multipart          < 1.3   build: the body may be a form; V 4, V 6
//	build-text               < 1.8   build answers text; E "Build an image", M 1.8
//	build-registry-auth      < 1.9   build: X-Registry-Auth for one registry; M 1.9, V 4
//
// No trait: create without a command is 400 at every version. V 1 has 500 below 1.24, but D lists 400 for a bad
// parameter and a dockerd 20.10 answers 400 at 1.18.
package codec

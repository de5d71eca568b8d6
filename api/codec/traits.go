package codec

// The traits of the calls; doc.go says where each comes from.
var (
	// commonTraits hold for every call, also for those without a Route.
	commonTraits = []Trait{
		{Name: "text-errors", Until: v1(24), What: "an error is its text and a newline, not JSON"},
		{Name: "error-without-detail", Until: v1(8), What: "the error that ends a stream is its text alone"},
	}

	createTraits = []Trait{
		{Name: "name-loose", Until: v1(19), What: "a container's name is [a-zA-Z0-9_-]+: one character will do, and any may be the first"},
	}
	startTraits = []Trait{
		{Name: "start-host-config", Until: v1(24), What: "a HostConfig in the body replaces the container's"},
		{Name: "start-merges-host-config", Until: v1(15), What: "of the container's HostConfig what the body does not say stays"},
		{Name: "start-200", Until: v1(3), What: "success is 200 OK"},
		{Name: "start-running-500", Until: v1(13), What: "starting what runs is an internal error, not 304"},
	}
	stopTraits = []Trait{
		{Name: "stop-stopped-204", Until: v1(13), What: "stopping what does not run succeeds, without 304"},
	}
	attachTraits = append([]Trait{
		{Name: "attach-merged", Until: v1(6), What: "both streams as they come, without frames"},
	}, streamTraits...)
	pullTraits = []Trait{
		{Name: "pull-begins", Until: v1(12), What: "the stream begins before the registry is asked: what it says comes with status 200"},
	}
	pushTraits = []Trait{
		{Name: "push-registry", Until: v1(14), What: "a registry in the query is where to push to"},
		{Name: "push-auth-body", Until: v1(5), What: "credentials are in the body"},
	}
	commitTraits = []Trait{
		{Name: "commit-raw-type", Until: v1(12), What: "the JSON is sent as application/vnd.docker.raw-stream"},
		{Name: "commit-run", Until: v1(12), What: "the configuration may be in the query, as run"},
	}
	killTraits = []Trait{
		{Name: "kill-stopped-ok", Until: v1(20), What: "killing what does not run succeeds"},
	}
	resizeTraits = []Trait{
		{Name: "conflict-500", Until: v1(24), What: "a container that does not run is an internal error, not a conflict"},
	}
	waitTraits = []Trait{
		{Name: "wait-headers-early", Since: v1(30), What: "the header is sent when waiting begins, not when it ends"},
		{Name: "wait-bad-condition-400", Since: v1(42), What: "an unknown condition is refused, not taken as not-running"},
	}
	streamTraits = []Trait{
		{Name: "attach-multiplexed-type", Since: v1(42), What: "frames have a media type of their own"},
	}
	logsTraits = []Trait{
		{Name: "attach-multiplexed-type", Since: v1(42), What: "frames have a media type of their own"},
		{Name: "logs-upgrade", Until: v1(40), What: "a client that asks for an upgrade gets 101 UPGRADED"},
	}
	socketTraits = []Trait{
		{Name: "ws-binary", Since: v1(28), What: "output comes in binary messages, not in text"},
		{Name: "ws-streams", Since: v1(42), What: "stdin, stdout and stderr choose; below all three are attached"},
	}
	copyTraits = []Trait{
		{Name: "copy", Until: v1(24), What: "the call exists"},
		{Name: "copy-octet-stream", Until: v1(15), What: "the archive is sent as application/octet-stream"},
	}
	removeTraits = []Trait{
		{Name: "remove-running-500", Until: v1(12), What: "what runs is an internal error, not a conflict"},
		{Name: "delete-in-progress", Until: v1(25), What: "a removal that another call has begun is waited for and succeeds; later it is a conflict"},
	}
	execResizeTraits = []Trait{
		{Name: "exec-resize-201", Until: v1(25), What: "success is 201 Created"},
	}
	execInspectTraits = []Trait{
		{Name: "exec-inspect-plain-text", Until: v1(22), What: "the JSON is sent as plain/text"},
		{Name: "exec-inspect-container", Until: v1(22), What: `the container's inspect is part of the answer, under "Container"`},
	}
	loadTraits = []Trait{
		{Name: "load-progress", Since: v1(23), What: "the answer is a stream of messages, and quiet is read; below it is empty"},
	}
	tagTraits = []Trait{
		{Name: "tag-needs-force", Until: v1(24), What: "a tag that names another image moves only with force, else 409"},
	}
	buildTraits = []Trait{
		{Name: "build-multipart", Until: v1(3), What: "the body may be a form with a Dockerfile and an archive"},
		{Name: "build-text", Until: v1(8), What: "the answer is text/plain, not messages"},
		{Name: "build-registry-auth", Until: v1(9), What: "credentials are in X-Registry-Auth, for one registry"},
		{Name: "build-no-aux", Until: v1(30), What: "the image's id is not sent as a message of its own (aux)"},
	}
	networkListTraits = []Trait{
		{Name: "network-list-containers", Until: v1(28), What: "the list says which containers are connected"},
	}
)

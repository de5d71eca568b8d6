package codec

// The traits of the calls; doc.go says where each comes from.
var (
	// commonTraits hold for every call, also for those without a Route.
	commonTraits = []Trait{
		{Name: "text-errors", Until: v1(24), What: "an error is its text and a newline, not JSON"},
	}

	createTraits = []Trait{
		{Name: "name-loose", Until: v1(19), What: "a container's name is [a-zA-Z0-9_-]+: one character will do, and any may be the first"},
	}
	startTraits = []Trait{
		{Name: "start-host-config", Until: v1(24), What: "a HostConfig in the body replaces the container's"},
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
	}
	removeTraits = []Trait{
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
		{Name: "build-no-aux", Until: v1(30), What: "the image's id is not sent as a message of its own (aux)"},
	}
	networkListTraits = []Trait{
		{Name: "network-list-containers", Until: v1(28), What: "the list says which containers are connected"},
	}
)

package codec

import (
	"net/url"
	"slices"
	"strings"
)

// ImageInspect is the answer of GET /images/{name}/json. The newest form is image.InspectResponse; a handler that knows
// them adds Parent, DockerVersion, Container and ContainerConfig, which engines of 1.44 send. Below 1.21 it has no
// RepoTags and RepoDigests.
var ImageInspect = &Shape{Name: "image", Older: hasKey("container_config"), Steps: []Step{
	{Since: v1(3), What: "only the documented keys", Down: documented("id", "parent", "created", "container", "container_config", "Size")},
	{Since: v1(4), What: "WorkingDir", Down: eachConfig(remove("WorkingDir"))},
	{Since: v1(6), What: "configurations as they were", Down: eachConfig(func(config Object) {
		earlyConfig(config)
		delete(config, "Privileged")
	})},
	{Since: v1(10), What: "os", Down: remove("os")},
	{Since: v1(12), What: "capital letters", Up: func(o Object) { rename(o, imageNames) }, Down: func(o Object) {
		delete(o, "VirtualSize")
		rename(o, reverse(imageNames))
	}},
	{Since: v1(19), What: "only the documented keys", Down: documented(
		"Id", "Parent", "Comment", "Created", "Container", "ContainerConfig", "DockerVersion", "Author", "Config", "Architecture",
		"Os", "Size", "VirtualSize")},
	{Since: v1(19), What: "the container's config as it was", Down: lowerContainerConfig},
	{Since: v1(21), What: "RepoTags and RepoDigests", Down: remove("RepoTags", "RepoDigests")},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Id", "Parent"), Down: dropDigest("Id", "Parent")},
	{Since: v1(44), What: "no VirtualSize", Up: remove("VirtualSize"), Down: addVirtualSize},
	{Since: v1(44), What: "no Created when it is not known", Down: defaults(Object{"Created": zeroTime})},
	{Since: v1(45), What: "no container", Down: lowerImageContainer},
	{Since: v1(48), What: "descriptor and manifests", Down: remove("Descriptor", "Manifests", "Identity")},
	{Since: v1(50), What: "the config is an image's, not a container's", Down: func(o Object) { fillConfig(object(o, "Config")) }},
	{Since: v1(52), What: "what is empty is left out", Down: defaults(Object{
		"RepoTags": []any{}, "RepoDigests": []any{}, "Parent": "", "Comment": "", "DockerVersion": "", "Author": ""})},
}}

// ImageList is the answer of GET /images/json.
var ImageList = &Shape{Name: "images", Kind: List, Older: hasKey("Repository"), Steps: []Step{
	{Since: v1(7), What: "a row for each image, not for each tag; whole ids", UpAll: joinTags, DownAll: splitTags, Down: func(o Object) {
		shorten("Id")(o)
		delete(o, "ParentId")
	}},
	{Since: v1(17), What: "labels", Down: remove("Labels")},
	{Since: v1(18), What: "RepoDigests", Down: remove("RepoDigests")},
	{Since: v1(19), What: "only the documented keys", Down: documented(
		"RepoTags", "RepoDigests", "ParentId", "Id", "Created", "Size", "VirtualSize", "Labels")},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Id", "ParentId"), Down: dropDigest("Id", "ParentId")},
	{Since: v1(43), What: "no <none> for what has no name", Up: dropNone, Down: addNone},
	{Since: v1(44), What: "no VirtualSize", Up: remove("VirtualSize"), Down: addVirtualSize},
}}

// ImageHistory is the answer of GET /images/{name}/history.
var ImageHistory = &Shape{Name: "image history", Kind: List, Steps: []Step{
	{Since: v1(19), What: "only the documented keys", Down: documented("Id", "Created", "CreatedBy", "Tag")},
	{Since: v1(3), What: "no Tag", Up: func(o Object) { rename(o, historyNames) }, Down: func(o Object) {
		if isSet(o["Tags"]) {
			rename(o, reverse(historyNames))
		}
	}},
	{Since: v1(7), What: "whole ids", Down: shorten("Id")},
	{Since: v1(21), What: "Comment", Down: remove("Comment")},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Id"), Down: dropDigest("Id")},
}}

// ImageDelete is the answer of DELETE /images/{name}.
var ImageDelete = &Shape{Name: "removed images", Kind: List, Steps: []Step{
	{Since: v1(7), What: "whole ids", Down: shorten("Untagged", "Deleted")},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Untagged", "Deleted"), Down: dropDigest("Untagged", "Deleted")},
}}

// Commit is the answer of POST /commit.
var Commit = &Shape{Name: "commit", Steps: []Step{
	{Since: v1(7), What: "whole ids", Down: shorten("Id")},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Id"), Down: dropDigest("Id")},
}}

// containerConfig are the fields of a container's Config that an image's lacks, empty.
var containerConfig = Object{
	"Hostname": "", "Domainname": "", "User": "", "AttachStdin": false, "AttachStdout": false, "AttachStderr": false,
	"Tty": false, "OpenStdin": false, "StdinOnce": false, "Image": "", "WorkingDir": "",
}

func fillConfig(config Object) {
	if config == nil {
		return
	}
	defaults(containerConfig)(config)
	for _, key := range []string{"Env", "Cmd", "Volumes", "Entrypoint", "OnBuild", "Labels"} {
		null(config, key)
	}
}

func lowerImageContainer(o Object) {
	defaults(Object{"Container": "", "ContainerConfig": Object{}})(o)
	fillConfig(object(o, "ContainerConfig"))
}

// lowerContainerConfig: the example has two fields that left Config long before. They are null and "" in it.
func lowerContainerConfig(o Object) {
	if config := object(o, "ContainerConfig"); config != nil {
		null(config, "Dns")
		defaults(Object{"VolumesFrom": ""})(config)
	}
}

// askedDigests: the document shows RepoDigests only where the query asks for digests.
var askedDigests = []AskedStep{{Until: v1(19), What: "RepoDigests with digests=1", Down: func(o Object, q url.Values) {
	if !asked(q.Get("digests")) {
		delete(o, "RepoDigests")
	}
}}}

// askedSizes: the newest form leaves out a size of nothing, the document shows it.
var askedSizes = []AskedStep{{Until: v1(19), What: "sizes with size=1", Down: func(o Object, q url.Values) {
	if asked(q.Get("size")) {
		defaults(Object{"SizeRw": number("0"), "SizeRootFs": number("0")})(o)
	}
}}}

// asked reads a bool of a query as every version of the engine does.
func asked(value string) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "0", "no", "false", "none":
		return false
	default:
		return true
	}
}

// The queries of calls on images.
var (
	imageListSteps = []QueryStep{
		{Since: v1(41), What: "filter is a filter", Up: func(q url.Values) {
			if name := q.Get("filter"); name != "" {
				addFilter(q, "reference", name)
				q.Del("filter")
			}
		}},
		{Since: v1(42), What: "shared-size", Up: forget("shared-size")},
	}
	pullSteps = []QueryStep{
		{Since: v1(14), What: "the registry is part of the name", Up: liftRegistry},
		{Since: v1(32), What: "platform", Up: forget("platform")},
	}
	buildSteps = []QueryStep{
		{Since: v1(12), What: "containers of steps are removed unless asked not to", Up: queryDefault("rm", "0")},
		{Since: v1(32), What: "platform", Up: forget("platform")},
	}

	volumePruneSteps = []QueryStep{{Since: v1(42), What: "only anonymous volumes", Up: func(q url.Values) { addFilter(q, "all", "true") }}}
)

func addVirtualSize(o Object) {
	if size, ok := o["Size"]; ok && o["VirtualSize"] == nil {
		o["VirtualSize"] = size
	}
}

const (
	noTag    = "<none>:<none>"
	noDigest = "<none>@<none>"
)

func dropNone(o Object) {
	for _, key := range []string{"RepoTags", "RepoDigests"} {
		if list, ok := o[key].([]any); ok {
			o[key] = slices.DeleteFunc(list, func(v any) bool { return v == noTag || v == noDigest })
		}
	}
}

func addNone(o Object) {
	tags, _ := o["RepoTags"].([]any)
	digests, _ := o["RepoDigests"].([]any)
	if len(tags) > 0 {
		return
	}
	o["RepoTags"] = []any{noTag}
	if len(digests) == 0 {
		o["RepoDigests"] = []any{noDigest}
	}
}

package codec

import "slices"

// ImageInspect is the answer of GET /images/{name}/json. Below 1.21 it has no RepoTags and RepoDigests.
var ImageInspect = &Shape{Name: "image", Steps: []Step{
	{Since: v1(21), What: "RepoTags and RepoDigests", Down: remove("RepoTags", "RepoDigests")},
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Id", "Parent"), Down: dropDigest("Id", "Parent")},
	{Since: v1(44), What: "no VirtualSize", Up: remove("VirtualSize"), Down: addVirtualSize},
}}

// ImageList is the answer of GET /images/json.
var ImageList = &Shape{Name: "images", Kind: List, Steps: []Step{
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Id", "ParentId"), Down: dropDigest("Id", "ParentId")},
	{Since: v1(43), What: "no <none> for what has no name", Up: dropNone, Down: addNone},
	{Since: v1(44), What: "no VirtualSize", Up: remove("VirtualSize"), Down: addVirtualSize},
}}

// ImageHistory is the answer of GET /images/{name}/history.
var ImageHistory = &Shape{Name: "image history", Kind: List, Steps: []Step{
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Id"), Down: dropDigest("Id")},
}}

// ImageDelete is the answer of DELETE /images/{name}.
var ImageDelete = &Shape{Name: "removed images", Kind: List, Steps: []Step{
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Untagged", "Deleted"), Down: dropDigest("Untagged", "Deleted")},
}}

// Commit is the answer of POST /commit.
var Commit = &Shape{Name: "commit", Steps: []Step{
	{Since: v1(22), What: "image ids with algorithm", Up: addDigest("Id"), Down: dropDigest("Id")},
}}

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

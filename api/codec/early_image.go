package codec

import (
	"net/url"
	"strings"
)

// What images were like before 1.18; see early.go.

// imageNames are the keys of an image before 1.12, and what they are called since.
var imageNames = map[string]string{
	"id": "Id", "parent": "Parent", "comment": "Comment", "created": "Created", "container": "Container",
	"container_config": "ContainerConfig", "docker_version": "DockerVersion", "author": "Author", "config": "Config",
	"architecture": "Architecture", "os": "Os",
}

// historyNames is what 1.2 calls the names of a step's image, and what they are called since.
var historyNames = map[string]string{"Tag": "Tags"}

// eachConfig applies fn to the configurations of an image that has lower-case keys.
func eachConfig(fn func(Object)) func(Object) {
	return func(o Object) {
		for _, key := range []string{"config", "container_config"} {
			if config := object(o, key); config != nil {
				fn(config)
			}
		}
	}
}

// splitTags makes a row for each tag. An image without any has one, of "<none>".
func splitTags(value any) any {
	list, ok := value.([]any)
	if !ok {
		return value
	}
	rows := make([]any, 0, len(list))
	for _, item := range list {
		image, ok := item.(Object)
		tags, hasTags := image["RepoTags"].([]any)
		if !ok || !hasTags {
			rows = append(rows, item)
			continue
		}
		for _, tag := range tags {
			row := Object{}
			for key, value := range image {
				if key != "RepoTags" {
					row[key] = value
				}
			}
			name, _ := tag.(string)
			row["Repository"], row["Tag"] = splitTag(name)
			rows = append(rows, row)
		}
	}
	return rows
}

// splitTag splits at the colon behind the last slash: the one before may be a registry's port.
func splitTag(name string) (repository, tag string) {
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		return name[:i], name[i+1:]
	}
	return name, ""
}

// joinTags is the reverse: rows of one id are one image.
func joinTags(value any) any {
	list, ok := value.([]any)
	if !ok {
		return value
	}
	images := make([]any, 0, len(list))
	byID := map[string]Object{}
	for _, item := range list {
		row, ok := item.(Object)
		_, tagged := row["Repository"]
		if !ok || !tagged {
			images = append(images, item)
			continue
		}
		name := text(row, "Repository") + ":" + text(row, "Tag")
		remove("Repository", "Tag")(row)
		image := byID[text(row, "Id")]
		if image == nil {
			row["RepoTags"] = []any{name}
			byID[text(row, "Id")] = row
			images = append(images, row)
			continue
		}
		tags, _ := image["RepoTags"].([]any)
		image["RepoTags"] = append(tags, name)
	}
	return images
}

// ImageSearch is the answer of GET /images/search.
var ImageSearch = &Shape{Name: "search results", Kind: List, Steps: []Step{
	{Since: v1(7), What: "what the index says of a repository", Up: func(o Object) { rename(o, searchNames) }, Down: func(o Object) {
		rename(o, reverse(searchNames))
		only(o, "Name", "Description")
	}},
	{Since: v1(12), What: "automated, not trusted", Up: func(o Object) { rename(o, trusted) }, Down: func(o Object) { rename(o, reverse(trusted)) }},
}}

var (
	searchNames = map[string]string{"Name": "name", "Description": "description"}
	trusted     = map[string]string{"is_trusted": "is_automated"}
)

// liftRegistry puts the registry before the name of what is pulled, unless the name has one already or it is the
// default's index.
func liftRegistry(q url.Values) {
	bareRegistry(q)
	host, name := q.Get("registry"), q.Get("fromImage")
	q.Del("registry")
	first, _, several := strings.Cut(name, "/")
	named := several && (strings.ContainsAny(first, ".:") || first == "localhost")
	if host != "" && name != "" && !named {
		q.Set("fromImage", host+"/"+name)
	}
}

// bareRegistry leaves of an index's address the host that names begin with; nothing of the default's.
func bareRegistry(q url.Values) {
	host := q.Get("registry")
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	if host == "" || host == "docker.io" || strings.HasSuffix(host, ".docker.io") {
		q.Del("registry")
		return
	}
	q.Set("registry", host)
}

// pushSteps: no document has the parameter here, engines had it.
var pushSteps = []QueryStep{{Since: v1(14), What: "the registry is part of the name", Up: bareRegistry}}

// Package tag is the docker_tag resource: a second name for an image the engine has.
//
// What is compared is the image both names stand for: a source that has moved on, and a target somebody has moved,
// are one change of source_image_id, and tagging again repairs both.
package tag

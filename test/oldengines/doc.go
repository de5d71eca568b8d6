// Package oldengines runs the cleat program against engines that speak an old version of the API: Debian's dockerd,
// which still speaks 1.12 to 1.41, with the version pinned.
package oldengines

// Package filetree is a set of files on its way into a container or a volume: read from a text, a file, a directory or
// an archive, described in one short line each, written as the archive engines take, and compared with the archive they
// give back. The container file and volume content resources share it.
package filetree

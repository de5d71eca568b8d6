// Package buildcontext reads the directory an image is built from: which files belong to it (.dockerignore), what
// they contain, and the tar stream an engine wants.
//
// Three things follow from one walk. A [Manifest] says by hash what the context holds, so that a plan can name the
// file that changed. [Manifest.Fold] makes it small enough to be recorded. [Context.Tar] sends exactly what the
// manifest says, and fails when a file changed in between: what is built is what was planned.
//
// A hash covers what ends up in an image: content, mode bits, the target of a symbolic link. It does not cover
// times and owners, so a fresh checkout of the same tree has the same manifest.
package buildcontext

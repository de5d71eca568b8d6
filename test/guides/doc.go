// Package guides runs the guides of docs/guides as their readers would, so that what they show is what happens.
//
// A guide's blocks are taken in order, in one folder, on an engine:
//
//	```terraform   whose first line is "# NAME.tf" is written to that file; any other is only parsed. All are formatted.
//	```console     lines that begin with "$ " are commands; what follows is all they print, on both streams
//	<!-- test: … --> is a command the reader does not see: what the reader has already, and tidying up. It must succeed
//
// In what is printed "…" stands for any text within a line, and for any lines when it is alone. registry.example.com:5000 is
// a private registry, with the user "me" and the password "open-sesame", whose authority is in ca.pem.
package guides

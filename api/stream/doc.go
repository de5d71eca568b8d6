// Package stream holds the two forms in which the engine sends what has no end: output of processes and messages about
// work in progress.
//
// Output without a terminal is frames (remote-api-v1.18, "Attach to a container", stream details): eight bytes of
// header, the first names the stream, the last four the payload's size, big endian. [Frames] writes them, [Reader] reads
// them one by one and notices when the stream was cut; who only wants the two outputs apart uses
// [github.com/moby/moby/api/pkg/stdcopy.StdCopy]. Output of a terminal is raw and needs no code.
//
// Messages of pull, push, build, import and load are JSON objects one after the other, each with "\r\n" behind it
// ([Message], [Encoder], [Messages]).
package stream

// Package api is the black-box suite of the contract, ../shared/api/remote-api-v1.18.md and remote-api-v1.2.md: every
// endpoint, parameter and status code, asked over a socket of every engine in [engines].
//
// The cases are in testdata/NOUN.txtar, one file of an archive each; streams that need two sides are Go tests beside
// them. Those of testdata/v1.2 are asked below /v1.2, of cleatd alone: no other engine speaks it. Its later.txtar and
// between.txtar say what changed at which version, testdata/versions.txtar as far as a dockerd still tells them apart.
// Those of testdata/v1.41 are asked below /v1.41, of both: what came after 1.18, as a dockerd 20.10 has it. TestHeldBack asks those of 1.18 without a version, of a cleatd held back to it. A
// single endpoint's cases run alone:
//
//	go test ./test/api -run 'TestCases/dockerd/containers-create'
//
// What a case expects is what the document says. Where a real engine says something else, testdata/differences.txt has
// an entry with the reason; it changes that one line for that one engine. Cleatd has none and must follow the document.
//
// # The language of a case
//
//	# text                    a comment
//	METHOD /path?query        a request below the version; "METHOD ^/path" one without that prefix
//	> Name: value             … with a header
//	> Until-Events: n         … of which the first n JSON values are the answer, for streams that do not end
//	| text                    … with a body; several lines are one body. JSON gets its Content-Type
//	tar name=text …           … with a tarball of files as the body
//	= 201 application/json    the status, and what the Content-Type begins with. 400|500: a malformed request where the
//	                          document lists no 400 and the real engine answers 500
//	head Name =~ regexp       a header of the answer; "head Name absent"
//	text == "quoted"          the whole answer, or =~ regexp
//	frames [["out","a\n"]]    the answer as frames, those of one stream next to each other joined
//	output {"out":"a\n"}      the frames, joined by stream: there is no order between two
//	files a b/c               the answer is a tarball with exactly these entries, in any order; "files has a"
//	. PATH OP VALUE           a field of the answer's JSON: == and != JSON, =~ regexp, is kind|kind, len n, keys a b,
//	                          has a b, absent. PATH is key.key, [0], [key=value] for the element with that field (a space is %20), and *
//	                          for the whole. An answer of several JSON values is their list, also of one with "stream"
//	save NAME PATH            keeps a field as $NAME
//
// and what saves requests that are not the point, each of which has to succeed:
//
//	create NAME {json}        makes the container $N-NAME of busybox:1, without a network unless the JSON says otherwise
//	run NAME words            makes it with that command and starts it
//	ready NAME                waits until it wrote "ready"
//	done NAME                 waits for its end
//	image NAME                imports an image of its own as $N/NAME
//
// $N is a name of the case's own, $NET a subnet's first three bytes, $$ a dollar, $NOW the time as events take it. Everything it made under that name is removed with it.
package api

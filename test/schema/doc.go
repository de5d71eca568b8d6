// Package schema holds cleatd to the machine-readable documents of the API, docs/v1.25.yaml to docs/v1.44.yaml in the
// module github.com/moby/moby/api.
//
// [TestReplies] fills a cleatd with a world of objects and validates what every GET answers at each version, streams
// object by object; [TestCreating] does so for the calls that make, change and remove. A path with a GET that is
// neither called nor on the list of reasons fails the test. [TestFields] turns it round: every field the newest
// document describes has been seen in an answer, or is on a list with the reason.
//
// [TestRequests] makes bodies from the schemas, seeded and so the same in each run, and demands that they are accepted
// or refused with a status the document has, that nothing panics, and that nothing is left behind.
//
// Where the documents themselves are wrong about real engines, the difference is a line with its reason in
// exceptions_test.go. Arrays and objects may be null everywhere: engines have always sent them so.
package schema

// Package networks keeps the networks of the daemon: the three it always has, bridge, host and none, and those users
// make. It is the backend of the API's calls about networks, and gives the containers' service the networks of
// daemon/bridge by all the names they have.
//
// A network of a user is a record, and a bridge with its subnets in daemon/bridge. The record is the truth: at start
// every one of them is made again, which changes nothing for a bridge that is there; bridges without a record are
// removed when the containers' service calls Reconcile. A network is made bridge first and removed bridge first, so
// that a kill in between leaves either nothing or the whole.
//
// Names resolve as in Docker: the whole ID, the whole name, then a beginning of an ID that only one network has.
//
// On networks of users containers find each other by name: daemon/bridge has daemon/dns answer them.
package networks

// Package composefile reads Compose files as `docker compose` does: the same variables, profiles, merges and names, and
// the same hashes, so that both see the same containers as up to date. What a file may say and an engine cannot be told
// is named, never passed over.
package composefile

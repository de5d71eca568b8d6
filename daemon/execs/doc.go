//go:build linux

// Package execs runs further commands in running containers: create, start, resize, inspect of the API's exec calls.
// The routes and, for builds and health checks, other services call it.
//
// # Survival
//
// An exec is a record from its creation on. Its command belongs to the container's monitor, and so does the session of
// a client whose connection could be handed over; that it runs, and its exit code, come from the container's journal
// ([Service.JournalIn]), in the transaction that moves the journal's offset. A daemon that was killed finds them there.
//
// # Memory
//
// Ended execs are kept for inspect, for some minutes and not more than a thousand of them, created ones that nobody
// starts likewise. They are dropped when others are created or end: nothing has to wake up for that.
package execs

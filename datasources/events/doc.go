// Package events is the data source docker_events: what happened on an engine, as far as it remembers.
package events

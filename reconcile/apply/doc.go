// Package apply carries out a plan. It decides nothing: what is done stands in the plan, in which order follows from
// the graph, and where values turn out different the plan is a bound it never goes beyond.
package apply

// Package truth holds docker_container to what its rules say, on real engines: every attribute and every attribute of
// a block is created with one value, changed to another, taken away and given again. At each step the plan has to say
// what the rule says, the engine's own answer has to show it, and the plan after it has to be empty. The same for
// what happens behind our back, for containers made by others, and for what images bring along.
//
// A test enumerates the schema: an attribute without a row in the table, or a stated reason, fails it.
package truth

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cleat-dev/cleat/resources/contract"
)

const (
	intro = "# Conformance of the provider\n\n" +
		"Generated; do not edit. `make generate` writes the part from the declarations, `go run ./test/conformance -log FILE`\n" +
		"with the output of a whole run of the tests the matrix; `test/run.sh all` fails where it says something else.\n\n"
	shownHead = "## What the tests show\n\n" +
		"`changed` and `drift` count attributes: those the engine does not refuse, and of drift the object itself, which may be\n" +
		"gone. A test declared each with another value, or changed it behind the back of a declaration: by a call, or, where no\n" +
		"call does, by another object of the same name and labels in its place. The plan said so, what it did stayed, and the\n" +
		"next plan was empty. A number in brackets is why something is not shown: see below the table.\n\n"
	declaredHead = "## What can be declared\n\n" +
		"What a plan says on each engine, from schema and rules alone. `refused` is an error at plan, which names the attribute\n" +
		"and what is needed. A change of an attribute is made in place, replaces the object, depends on the value, or is only\n" +
		"recorded.\n\n"
)

// document is the whole file.
func document(shown, declared string) string {
	return intro + shownHead + shown + "\n" + declaredHead + declared
}

// shownIn is the matrix of a document.
func shownIn(text string) (string, bool) {
	_, rest, ok := strings.Cut(text, shownHead)
	shown, _, ended := strings.Cut(rest, "\n"+declaredHead)
	return shown, ok && ended
}

// attributesOf is the table of every type's attributes.
func attributesOf(all []declared) string {
	var out strings.Builder
	for i, d := range all {
		if i > 0 {
			out.WriteString("\n")
		}
		fmt.Fprintf(&out, "### %s\n\n| attribute | a change | %s |\n|---|---|", d.name(), strings.Join(titles(), " | "))
		out.WriteString(strings.Repeat("---|", len(engines)) + "\n")
		whole := false
		for _, e := range engines {
			why, refused := d.refused[e.name][""]
			whole = whole || refused && why != ""
		}
		if whole {
			out.WriteString("| (all) | |")
			for _, e := range engines {
				fmt.Fprintf(&out, " %s |", verdict(d.refused[e.name], ""))
			}
			out.WriteString("\n")
		}
		for _, path := range declarable(d.Node(), "") {
			fmt.Fprintf(&out, "| `%s` | %s |", path, change(d.Rules(), path))
			for _, e := range engines {
				fmt.Fprintf(&out, " %s |", verdict(d.refused[e.name], path))
			}
			out.WriteString("\n")
		}
	}
	return out.String()
}

func titles() []string {
	var out []string
	for _, e := range engines {
		out = append(out, e.title)
	}
	return out
}

// verdict is what an engine says of an attribute.
func verdict(refused refusals, path string) string {
	whole, all := refused[""]
	why, one := refused[path]
	switch {
	case all && path == "":
		return "refused: " + whole
	case all:
		return "refused"
	case one:
		return "refused: " + why
	}
	return "yes"
}

// change is what a change of an attribute does: that of the block around it, where it is in one.
func change(rules contract.Rules, path string) string {
	top, _, _ := strings.Cut(path, ".")
	switch rule := rules[top]; {
	case rule.ConfigOnly:
		return "recorded"
	case rule.By != nil:
		return "by value"
	case rule.Effect == contract.InPlace:
		return "in place" + exceptions(rule)
	}
	return "replaces"
}

// exceptions says where what is made in place replaces.
func exceptions(rule contract.Rule) string {
	var lacks []string
	if rule.Since != "" && slices.ContainsFunc(engines, func(e engine) bool { return older(e.api, rule.Since) }) {
		lacks = append(lacks, "from API "+rule.Since)
	}
	if rule.Call == contract.CallContainerUpdate {
		lacks = append(lacks, "not on podman 4")
	}
	if len(lacks) == 0 {
		return ""
	}
	return " (" + strings.Join(lacks, ", ") + ")"
}

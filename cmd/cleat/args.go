package main

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// longFlags gives flags that are written as Terraform's, with one dash, the second one the flag library wants: -var
// becomes --var. What is the value of a flag, and everything after --, stays as it is. The last word of a request for
// completion is what is being typed, and stays too unless it is the value of a flag.
func longFlags(root *cobra.Command, args []string) []string {
	takesValue := valueFlags(root)
	last := len(args)
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) && !strings.Contains(args[last-1], "=") {
		last--
	}
	rewritten := make([]string, 0, len(args))
	for i := 0; i < last; i++ {
		arg := args[i]
		if arg == "--" {
			return append(rewritten, args[i:]...)
		}
		name, long := flagName(arg)
		if !long {
			rewritten = append(rewritten, arg)
			continue
		}
		rewritten = append(rewritten, "--"+name)
		if takesValue[name] && i+1 < last { // name has no "=" here: the next word is the value
			i++
			rewritten = append(rewritten, args[i])
		}
	}
	return append(rewritten, args[last:]...)
}

// flagName is a flag without its dashes, and with its value where that follows an equals sign. It is no flag when it
// is one letter (-h), a dash alone (standard input) or a negative number.
func flagName(arg string) (string, bool) {
	name, ok := strings.CutPrefix(arg, "-")
	if !ok {
		return "", false
	}
	if long, ok := strings.CutPrefix(name, "-"); ok {
		return long, true
	}
	first, size := utf8.DecodeRuneInString(name)
	return name, len(name) > size && unicode.IsLetter(first)
}

// valueFlags are the names of all flags that take a value in the next word. No name is used by two commands for
// different kinds of flags.
func valueFlags(root *cobra.Command) map[string]bool {
	names := map[string]bool{}
	note := func(f *pflag.Flag) { names[f.Name] = f.NoOptDefVal == "" }
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(note)
		c.PersistentFlags().VisitAll(note)
		for _, child := range c.Commands() {
			visit(child)
		}
	}
	visit(root)
	return names
}

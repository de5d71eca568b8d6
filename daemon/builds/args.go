//go:build linux

package builds

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// builtinArgs may be given without an ARG that declares them, and do not make a step another one.
var builtinArgs = []string{
	"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy",
}

// buildArgs are the variables of ARG instructions and the client's values for them. A nil value is a name without.
type buildArgs struct {
	given    map[string]*string // by the client
	global   map[string]*string // of ARG before the first FROM
	declared map[string]*string // of ARG in this stage
	used     map[string]bool    // declared anywhere; shared between stages
}

func newArgs(given map[string]*string) *buildArgs {
	return &buildArgs{given: given, global: map[string]*string{}, declared: map[string]*string{}, used: map[string]bool{}}
}

// stage returns the arguments at the beginning of a stage.
func (a *buildArgs) stage() *buildArgs {
	return &buildArgs{given: a.given, global: a.global, declared: map[string]*string{}, used: a.used}
}

func (a *buildArgs) declareGlobal(name string, value *string) {
	a.declare(name, value)
	a.global[name] = value
}

func (a *buildArgs) declare(name string, value *string) {
	a.declared[name] = value
	a.used[name] = true
}

// value is what an argument of that scope has: the client's, else the default, else that of a global one of the name.
func (a *buildArgs) value(name string, scope map[string]*string) (string, bool) {
	if v := a.given[name]; v != nil {
		return *v, true
	}
	if v := scope[name]; v != nil {
		return *v, true
	}
	if v := a.global[name]; v != nil {
		return *v, true
	}
	return "", false
}

// env returns the arguments of a scope and the built-in ones as NAME=value, sorted.
func (a *buildArgs) env(scope map[string]*string) []string {
	names := slices.Concat(slices.Collect(maps.Keys(scope)), builtinArgs)
	slices.Sort(names)
	var env []string
	for _, name := range slices.Compact(names) {
		if v, ok := a.value(name, scope); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// beside returns the stage's arguments that the environment does not have: it goes before them.
func (a *buildArgs) beside(env []string) []string {
	set := make(map[string]bool, len(env))
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		set[name] = true
	}
	return slices.DeleteFunc(a.env(a.declared), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return set[name]
	})
}

// command is a command as it is recorded and compared: behind the arguments it can see, but for built-in ones that no ARG
// declares.
func (a *buildArgs) command(env, cmd []string) []string {
	if len(env) == 0 {
		return cmd
	}
	seen := slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		_, declared := a.declared[name]
		return !declared && slices.Contains(builtinArgs, name)
	})
	return slices.Concat([]string{"|" + strconv.Itoa(len(seen))}, seen, cmd)
}

// unused lists what the client gave and nothing declared.
func (a *buildArgs) unused() []string {
	var left []string
	for name := range a.given {
		if !a.used[name] && !slices.Contains(builtinArgs, name) {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return left
}

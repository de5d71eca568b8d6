package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client/pkg/versions"

	"github.com/cleat-dev/cleat/internal/catalog"
)

func main() {
	file := flag.String("file", "design/provider-conformance.md", "the document")
	log := flag.String("log", "", "the output of go test -v of a whole run; without it the matrix stays as it is")
	check := flag.Bool("check", false, "write nothing, fail where the document says something else")
	flag.Parse()
	if err := run(context.Background(), *file, *log, *check); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file, log string, check bool) error {
	all, err := declarations(ctx)
	if err != nil {
		return err
	}
	have, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	shown, ok := shownIn(string(have))
	var wrong []string
	switch {
	case log != "":
		f, err := os.Open(log)
		if err != nil {
			return err
		}
		defer f.Close()
		found, err := read(f)
		if err != nil {
			return err
		}
		shown, wrong = newMatrix(all, found, reasons)
	case !ok && len(have) > 0:
		return fmt.Errorf("%s has no matrix that could be kept: write it from the output of a whole run, with -log", file)
	}
	if want := document(shown, attributesOf(all)); want != string(have) {
		if check {
			wrong = append(wrong, fmt.Sprintf("%s says something else (-file +tests): %s", file, cmp.Diff(strings.Split(string(have), "\n"), strings.Split(want, "\n"))))
		} else if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "\n"))
	}
	return nil
}

// declarations are all types with what each engine refuses of them.
func declarations(ctx context.Context) ([]declared, error) {
	types, err := catalog.Resources(ctx)
	if err != nil {
		return nil, err
	}
	var all []declared
	for _, r := range types {
		d := declared{r, map[string]refusals{}}
		for _, e := range engines {
			if d.refused[e.name], err = e.ask(ctx, r); err != nil {
				return nil, err
			}
		}
		all = append(all, d)
	}
	return all, nil
}

// older reports whether an API version is below another.
func older(version, than string) bool { return versions.LessThan(version, than) }

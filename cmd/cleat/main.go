package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/cleat-dev/cleat/internal/version"
	"github.com/cleat-dev/cleat/reconcile/view"
)

func main() { os.Exit(run()) }

// run is main with an exit code, so that deferred calls happen.
func run() int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	a := &app{
		terminal: standardTerminal(),
		environ:  os.Environ(),
		signals:  signals,
		kill:     os.Exit,
		version:  version.String(),
	}
	return a.main(context.Background(), os.Args[1:])
}

// standardTerminal is the process's own.
func standardTerminal() *view.Terminal {
	in, out, errors := int(os.Stdin.Fd()), int(os.Stdout.Fd()), int(os.Stderr.Fd())
	capable := os.Getenv("TERM") != "dumb" && escapes(os.Stdout) && escapes(os.Stderr)
	t := &view.Terminal{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Interactive: term.IsTerminal(in) && term.IsTerminal(errors),
		Live:        capable && term.IsTerminal(out),
		Color:       capable && term.IsTerminal(out) && term.IsTerminal(errors) && os.Getenv("NO_COLOR") == "",
		Secret: func() (string, error) {
			answer, err := term.ReadPassword(in)
			return string(answer), err
		},
	}
	t.Size = func() (int, int) {
		columns, rows, err := term.GetSize(out)
		if err != nil {
			return 0, 0
		}
		return columns, rows
	}
	return t
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/cleat-dev/cleat/reconcile"
	"github.com/cleat-dev/cleat/reconcile/config"
	"github.com/cleat-dev/cleat/reconcile/view"
)

// session is one command at work on a project.
type session struct {
	app     *app
	ctx     context.Context //nolint:containedctx // ends with the first interrupt; one session is one call
	view    view.Common
	project *reconcile.Project
	asks    bool
	// writes: the operation changes something by itself; after an interrupt it may be done or not.
	writes bool

	mu          sync.Mutex
	interrupted func(again bool)
	done        chan struct{}
}

// open reads the project of the working directory. The caller closes the session, whatever comes of it.
func (a *app) open(cmd *cobra.Command, f *projectFlags, parallelism int, v view.Common) (*session, error) {
	ctx, cancel := context.WithCancel(cmd.Context())
	s := &session{app: a, ctx: ctx, view: v, asks: f.input && !f.json && a.terminal.Interactive, done: make(chan struct{})}
	go s.watch(cancel)
	types, err := a.catalog(ctx)
	if err != nil {
		return s, err
	}
	name := a.project
	if name == "" {
		name = a.getenv("CLEAT_PROJECT")
	}
	var diags hcl.Diagnostics
	s.project, diags = reconcile.Open(ctx, reconcile.Options{
		Dir: ".", Catalog: types, Project: name, AllowEmpty: f.mayBeEmpty, Parallelism: parallelism, UserAgent: "cleat/" + a.version, Connect: a.connect,
		Inputs: config.Inputs{Env: a.environ, Args: f.inputs},
	})
	return s, s.check(diags)
}

// watch ends the session's context at the first interrupt and the process at the second.
func (s *session) watch(cancel context.CancelFunc) {
	defer cancel()
	for again := false; ; again = true {
		select {
		case <-s.done:
			return
		case <-s.app.signals:
		}
		s.mu.Lock()
		told := s.interrupted
		s.mu.Unlock()
		if told != nil {
			told(again)
		}
		if again {
			s.app.kill(exitInterrupted)
		}
		cancel()
	}
}

// onInterrupt says who is told of interrupts.
func (s *session) onInterrupt(told func(again bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.interrupted = told
}

// close releases what the project holds. It returns err, or what goes wrong now.
func (s *session) close(err error) error {
	close(s.done)
	if s.project == nil {
		return err
	}
	if failed := s.project.Close(s.ctx); failed != nil {
		s.view.Diagnostics(hcl.Diagnostics{{
			Severity: hcl.DiagError, Summary: "Not released", Detail: failed.Error() + "\nIf the project stays locked: cleat unlock",
		}}, nil)
		if err == nil {
			return exit(exitError)
		}
	}
	return err
}

// check prints diagnostics. The error ends the command, when there is one among them or it was interrupted.
func (s *session) check(diags hcl.Diagnostics) error {
	if s.ctx.Err() != nil {
		text := "Interrupted. Nothing was changed."
		if s.writes {
			text = "Interrupted. It may be done or not; running it again does no harm."
		}
		fmt.Fprintln(s.app.terminal.Err, text)
		return exit(exitInterrupted)
	}
	if len(diags) > 0 {
		s.view.Diagnostics(diags, s.project.Files())
	}
	if diags.HasErrors() {
		return exit(exitError)
	}
	return nil
}

// do runs an operation that needs the values of variables, asks for those that have none, and prints what the
// operation has to say.
func (s *session) do(operation func(ctx context.Context) hcl.Diagnostics) error {
	diags := operation(s.ctx)
	for s.asks {
		missing := missingVariables(diags)
		if len(missing) == 0 {
			break
		}
		values, err := s.ask(missing)
		if err != nil {
			return err
		}
		s.project.Provide(values)
		diags = operation(s.ctx)
		s.asks = false // asked once; what is still wrong is told
	}
	return s.check(diags)
}

func missingVariables(diags hcl.Diagnostics) []config.MissingVariable {
	var all []config.MissingVariable
	for _, d := range diags {
		if v, ok := d.Extra.(config.MissingVariable); ok {
			all = append(all, v)
		}
	}
	return all
}

// ask reads the values of variables from the terminal.
func (s *session) ask(missing []config.MissingVariable) (map[string]string, error) {
	values := map[string]string{}
	for _, v := range missing {
		question := "var." + v.Name + "\n"
		if v.Description != "" {
			question += "  " + strings.ReplaceAll(strings.TrimSpace(v.Description), "\n", "\n  ") + "\n"
		}
		answer, err := s.answer(question+"\n  Enter a value: ", v.Sensitive)
		if err != nil {
			return nil, err
		}
		values[v.Name] = answer
	}
	return values, nil
}

// answer reads one answer; an interrupt ends the waiting.
func (s *session) answer(question string, secret bool) (string, error) {
	type read struct {
		answer string
		err    error
	}
	answered := make(chan read, 1)
	go func() { // reading cannot be interrupted; the process ends soon when it has to
		answer, err := s.app.terminal.Ask(question, secret)
		answered <- read{answer, err}
	}()
	select {
	case r := <-answered:
		if errors.Is(r.err, view.ErrNoAnswer) {
			return "", nil
		}
		return r.answer, r.err
	case <-s.ctx.Done():
		fmt.Fprintln(s.app.terminal.Err)
		return "", s.check(nil)
	}
}

// exists reports whether there is a file of that name.
func exists(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}

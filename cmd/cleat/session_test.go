package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const asking = `
variable "name" {
  description = "How the volume is called."
}

variable "token" {
  sensitive = true
}

resource "docker_volume" "data" {
  name = var.name
}

check "token" {
  assert {
    condition     = length(var.token) > 100
    error_message = "short"
  }
}
`

// inProject makes a project the working directory; no engine can be reached.
func inProject(t *testing.T, source string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "no.sock"))
}

// Missing variables are asked for on a terminal, all of them, once; secret ones without showing them.
func TestAskForVariables(t *testing.T) {
	inProject(t, asking)
	a, out, errors := quietApp()
	a.terminal.Interactive = true
	a.terminal.In = strings.NewReader("answered\n")
	secrets := 0
	a.terminal.Secret = func() (string, error) {
		secrets++
		return "hidden", nil
	}
	if code := a.main(t.Context(), []string{"plan"}); code != exitError {
		t.Errorf("exit code %d", code)
	}
	printed := out.String() + errors.String()
	for _, part := range []string{"var.name\n  How the volume is called.\n", "var.token\n", "no.sock"} {
		if !strings.Contains(printed, part) {
			t.Errorf("no %q in\n%s", part, printed)
		}
	}
	if strings.Contains(printed, "No value for") || strings.Contains(printed, "hidden") || secrets != 1 {
		t.Errorf("asked for secrets %d times, printed\n%s", secrets, printed)
	}
}

// Nobody is asked with -input=false.
func TestDoNotAsk(t *testing.T) {
	inProject(t, asking)
	a, _, errors := quietApp()
	a.terminal.Interactive = true
	a.terminal.In = failingReader{t}
	if code := a.main(t.Context(), []string{"plan", "-input=false"}); code != exitError {
		t.Errorf("exit code %d", code)
	}
	if n := strings.Count(errors.String(), "No value for required variable"); n != 2 {
		t.Errorf("told %d times in\n%s", n, errors)
	}
}

type failingReader struct{ t *testing.T }

func (r failingReader) Read([]byte) (int, error) {
	r.t.Error("read from the terminal")
	return 0, io.EOF
}

// The first interrupt ends a question, and with it the command.
func TestInterruptedQuestion(t *testing.T) {
	inProject(t, asking)
	a, _, errors := quietApp()
	signals := make(chan os.Signal, 2)
	a.signals = signals
	a.terminal.Interactive = true
	reader, writer := io.Pipe()
	defer writer.Close()
	a.terminal.In = interrupting{reader, signals}
	if code := a.main(t.Context(), []string{"plan"}); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if !strings.Contains(errors.String(), "Interrupted. Nothing was changed.") {
		t.Errorf("printed\n%s", errors)
	}
}

// interrupting sends an interrupt as soon as something waits for an answer that does not come.
type interrupting struct {
	io.Reader
	signals chan<- os.Signal
}

func (r interrupting) Read(b []byte) (int, error) {
	r.signals <- os.Interrupt
	return r.Reader.Read(b)
}

// The second interrupt ends the program.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	a, _, _ := quietApp()
	signals, killed := make(chan os.Signal), make(chan int)
	a.signals = signals
	a.kill = func(code int) { killed <- code }
	told := make(chan bool, 2)
	s := &session{app: a, done: make(chan struct{}), interrupted: func(again bool) { told <- again }}
	cancelled := make(chan struct{}, 2)
	go s.watch(func() { cancelled <- struct{}{} })
	signals <- os.Interrupt
	<-cancelled
	if again := <-told; again {
		t.Error("the first interrupt was told as the second")
	}
	signals <- syscall.SIGTERM
	if code := <-killed; code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	if again := <-told; !again {
		t.Error("the second interrupt was told as the first")
	}
	close(s.done)
}

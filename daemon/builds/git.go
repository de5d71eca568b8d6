//go:build linux

package builds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/cleat-dev/cleat/api/errs"
)

var gitURL = regexp.MustCompile(`^(?:git://|github\.com/|git@|https?://.+\.git(?:#.*)?$)`)

// isGit reports whether a remote context is a repository: git://…, git@…, github.com/…, http(s)://….git[#ref:dir].
func isGit(remote string) bool { return gitURL.MatchString(remote) }

// repository is a remote context in Git.
type repository struct{ remote, ref, dir string }

// parseGit splits off "#ref:dir". Without a ref it is what the repository's HEAD is.
func parseGit(remote string) (repository, error) {
	address, fragment, _ := strings.Cut(remote, "#")
	r := repository{remote: address}
	r.ref, r.dir, _ = strings.Cut(fragment, ":")
	if strings.HasPrefix(r.remote, "github.com/") {
		r.remote = "https://" + r.remote
	}
	if strings.HasPrefix(r.ref, "-") {
		return r, invalid("invalid refspec: %s", r.ref)
	}
	if r.ref == "" {
		r.ref = "HEAD"
	}
	if !strings.HasPrefix(r.remote, "git@") {
		if _, err := url.Parse(r.remote); err != nil {
			return r, invalid("%v", err)
		}
	}
	return r, nil
}

// clone fetches one commit of a repository, with its submodules, into dir, and returns the folder that is the context.
func clone(ctx context.Context, dir, remote string) (string, error) {
	r, err := parseGit(remote)
	if err != nil {
		return "", err
	}
	git, err := exec.LookPath("git")
	if err != nil {
		return "", fmt.Errorf("remote context %s: a Git repository needs the program git on the daemon's host: %w", remote, errs.ErrUnavailable)
	}
	run := func(args ...string) error {
		// Repositories of the host's own files are none of the client's business, as remotes and as submodules.
		args = append([]string{"-c", "protocol.file.allow=never", "-c", "protocol.ext.allow=never"}, args...)
		cmd := exec.CommandContext(ctx, git, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_PROTOCOL_FROM_USER=0", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "HOME="+filepath.Dir(dir))
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("git %s: %w: %s", args[4], errors.Join(ctx.Err(), err), bytes.TrimSpace(out))
		}
		return nil
	}
	if err := run("init", "--quiet"); err != nil {
		return "", err
	}
	if err := run("remote", "add", "origin", "--", r.remote); err != nil {
		return "", err
	}
	// Servers that cannot send a part send everything.
	if err := run("fetch", "--quiet", "--depth", "1", "origin", "--", r.ref); err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		if err := run("fetch", "--quiet", "origin", "--", r.ref); err != nil {
			return "", fmt.Errorf("error fetching: %w", err)
		}
	}
	if err := run("checkout", "--quiet", "FETCH_HEAD"); err != nil {
		return "", fmt.Errorf("error checking out %s: %w", r.ref, err)
	}
	if err := run("submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"); err != nil {
		return "", fmt.Errorf("error initializing submodules: %w", err)
	}
	return subfolder(dir, r.dir)
}

// subfolder returns a folder of a repository, links followed inside it.
func subfolder(dir, sub string) (string, error) {
	if sub == "" {
		return dir, nil
	}
	t, err := openTree(dir)
	if err != nil {
		return "", err
	}
	defer t.close()
	inside, err := t.resolve(sub)
	if err != nil {
		return "", err
	}
	if is, err := t.isDir(inside); err != nil || !is {
		return "", fmt.Errorf("error setting git context, not a directory: %s: %w", sub, errors.Join(err, errs.ErrInvalid))
	}
	return filepath.Join(dir, inside), nil
}

package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"os/exec"
	"strings"
	"syscall"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/sshclient"
)

// Unreachable is an engine that cannot be talked to. It is errs.ErrUnavailable.
//
// It does not unwrap to its cause: moby's client looks for causes and puts words of its own in place of ours.
type Unreachable struct {
	// Engine is its address and where that came from.
	Engine string
	// Problem in a few words, and Next, what to do about it.
	Problem, Next string
	// Default says that nobody named this engine: it is the platform's default socket.
	Default bool
}

func (e *Unreachable) Error() string {
	message := "docker engine at " + e.Engine + ": " + e.Problem
	if e.Next != "" {
		message += "; " + e.Next
	}
	return message
}

// Is makes every Unreachable errs.ErrUnavailable.
func (e *Unreachable) Is(target error) bool { return target == errs.ErrUnavailable }

const (
	nextStart  = "start the engine, or point host, context or DOCKER_HOST at the one that runs"
	nextClient = "check cert_path, or cert_material and key_material: the engine accepts clients with a certificate of its CA only"
	nextPlain  = "the engine speaks TLS there: set cert_path, or ca_material, cert_material and key_material"
)

// explain turns a failure of the transport into words. Errors of the caller's own context stay what they are.
func explain(ep *endpoint, err error) error {
	var known *Unreachable
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	problem, next := diagnose(ep, err)
	return &Unreachable{Engine: ep.String(), Problem: problem, Next: next, Default: ep.origin == originDefault}
}

func diagnose(ep *endpoint, err error) (problem, next string) {
	if ep.network == "ssh" {
		return diagnoseSSH(err)
	}
	if problem, next := diagnoseTLS(ep, err); problem != "" {
		return problem, next
	}
	var dns *net.DNSError
	var timeout net.Error
	text := err.Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the socket does not exist", nextStart
	case errors.Is(err, fs.ErrPermission):
		return "permission denied on the socket", "use an account that may open it, such as a member of its group (most often docker), or root"
	case errors.As(err, &dns):
		return "the host name " + dns.Name + " cannot be resolved", "check the name and the network"
	case errors.Is(err, syscall.ECONNREFUSED), strings.Contains(text, "refused"):
		return "nothing listens there (connection was refused)", nextStart
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to the host", "check the address and the network"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time", "check the address, the port and firewalls between"
	case strings.Contains(text, "malformed HTTP response"):
		return "the answer is not HTTP", nextPlain
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed in the middle of a call", "see whether the engine still runs, then run again"
	default:
		return harmless(text), "see whether the engine runs and is reachable"
	}
}

// harmless keeps a text from being taken for one of the failures which moby's client words itself.
func harmless(text string) string {
	return strings.NewReplacer("dial unix", "connect to", "connection refused", "connection was refused",
		"malformed HTTP response", "answer that is not HTTP").Replace(text)
}

func diagnoseTLS(ep *endpoint, err error) (problem, next string) {
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var certificate x509.CertificateInvalidError
	text := err.Error()
	switch {
	case errors.As(err, &record), strings.Contains(text, "server gave HTTP response to HTTPS client"):
		return "the answer is not TLS", "the engine speaks plain HTTP there: remove the certificates and DOCKER_TLS_VERIFY, or use its TLS port (2376)"
	case errors.As(err, &authority):
		return "its certificate is signed by an unknown authority", "give the authority's certificate by cert_path (ca.pem) or ca_material"
	case errors.As(err, &hostname):
		return "its certificate is for another name (" + hostname.Error() + ")", "use a name that the certificate has"
	case errors.As(err, &certificate):
		return "its certificate is not valid (" + certificate.Error() + ")", "renew it on the engine's side and check the clock"
	case strings.Contains(text, "tls: certificate required"), strings.Contains(text, "tls: bad certificate"),
		strings.Contains(text, "tls: handshake failure"), strings.Contains(text, "tls: unknown certificate"):
		return "the engine refused our client certificate", nextClient
	default:
		return "", ""
	}
}

// sshProblems are the words of ssh and of the remote shell.
var sshProblems = []struct{ contains, problem, next string }{
	{"Host key verification failed", "ssh does not know the host's key", "connect once with ssh by hand, or set ssh_opts"},
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", "the host's ssh key has changed", "find out why, then remove the old key from known_hosts"},
	{"Permission denied", "ssh was refused", "check user and key: the same ssh command must work without a password"},
	{"Could not resolve hostname", "ssh cannot resolve the host name", "check the name and ~/.ssh/config"},
	{"onnection refused", "nothing listens on the host's ssh port", "check host and port"},
	{"No route to host", "there is no route to the host", "check the address and the network"},
	{"timed out", "ssh got no answer in time", "check the address, the port and firewalls between"},
	{"command not found", "there is no docker command on the remote host", "install the docker CLI there; ssh:// needs docker system dial-stdio"},
	{"docker: not found", "there is no docker command on the remote host", "install the docker CLI there; ssh:// needs docker system dial-stdio"},
	{"permission denied while trying to connect", "the remote user may not use docker's socket", "add the user to the group docker there"},
	{"Cannot connect to the Docker daemon", "ssh works, but no engine runs on the remote host", "start it there"},
	{"Bad configuration option", "ssh does not know an option of ssh_opts", "check ssh_opts"},
	{"command-line", "ssh does not understand an option of ssh_opts", "check ssh_opts"},
}

func diagnoseSSH(err error) (problem, next string) {
	var worded *sshclient.Error
	if errors.As(err, &worded) {
		return harmless(worded.Problem), worded.Next
	}
	var command *sshclient.CommandError
	if errors.As(err, &command) && command.Direct != nil && strings.Contains(err.Error(), "not found") {
		return "the host does not let us connect to the engine's socket (" + command.Direct.Message + "), and has no docker command to do it",
			"see that an engine runs there, that the user may open its socket (most often: the group docker), and that sshd allows it (AllowStreamLocalForwarding)"
	}
	if errors.Is(err, exec.ErrNotFound) {
		return "there is no ssh command on this machine", "install an OpenSSH client"
	}
	text := err.Error()
	for _, known := range sshProblems {
		if strings.Contains(text, known.contains) {
			return known.problem, known.next
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the ssh connection was closed in the middle of a call", "see whether the host still runs, then run again"
	}
	return "ssh: " + harmless(text), "try the same ssh command by hand"
}

package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const (
	// dialTimeout bounds connecting, not the calls: those stream for hours.
	dialTimeout = 10 * time.Second
	keepAlive   = 30 * time.Second
	idleTimeout = 90 * time.Second
	// idleConns is above the parallelism of any host of ours, so that no call has to connect again.
	idleConns = 64
)

type dialFunc func(ctx context.Context) (net.Conn, error)

// dialer returns how to connect to the engine, the transport only, without TLS, and what releases what connections
// share.
func (ep *endpoint) dialer() (dialFunc, func(), error) {
	net1 := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	switch ep.network {
	case "ssh":
		return dialSSH(ep)
	case "npipe":
		return func(ctx context.Context) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			return dialPipe(ctx, ep.address)
		}, func() {}, nil
	default:
		return func(ctx context.Context) (net.Conn, error) { return net1.DialContext(ctx, ep.network, ep.address) }, func() {}, nil
	}
}

// hijackDialer also does the TLS handshake: hijacked connections do not come from the pool.
func hijackDialer(dial dialFunc, config *tls.Config) dialFunc {
	if config == nil {
		return dial
	}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return secure, nil
	}
}

// pool is the one connection pool of an engine.
func (ep *endpoint) pool(dial dialFunc, config *tls.Config) *http.Transport {
	pool := &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		TLSClientConfig:     config,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConns:        idleConns,
		MaxIdleConnsPerHost: idleConns,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  ep.network != "tcp",
	}
	if ep.network == "tcp" {
		// A proxy is dialled at its own address.
		direct := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
		pool.DialContext = direct.DialContext
		pool.Proxy = http.ProxyFromEnvironment
	}
	return pool
}

package client

import (
	"context"
	"sync"
)

// Lazy is a client that is made when it is first needed.
type Lazy struct {
	cfg    Config
	opens  flights[*Client]
	mu     sync.Mutex
	client *Client
}

// NewLazy returns a client-to-be. It does nothing yet, not even look at cfg.
func NewLazy(cfg Config) *Lazy { return &Lazy{cfg: cfg} }

// Get returns the client, made by [New] at the first call that succeeds. Concurrent callers share one attempt; after
// a failure the next call tries again.
func (l *Lazy) Get(ctx context.Context) (*Client, error) {
	if c := l.ready(); c != nil {
		return c, nil
	}
	return l.opens.do(ctx, "", 0, func(ctx context.Context) (*Client, error) {
		if c := l.ready(); c != nil { // made since we looked
			return c, nil
		}
		c, err := New(ctx, l.cfg)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.client = c
		return c, nil
	})
}

// Close closes the client if there is one.
func (l *Lazy) Close() error {
	if c := l.ready(); c != nil {
		return c.Close()
	}
	return nil
}

func (l *Lazy) ready() *Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.client
}

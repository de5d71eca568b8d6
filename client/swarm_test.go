package client

import (
	"strings"
	"testing"

	"github.com/moby/moby/api/types/swarm"
)

// What an engine that manages no swarm is said to be, and what to do.
func TestSwarmManager(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		info swarm.Info
		want []string
	}{
		"manager":      {swarm.Info{LocalNodeState: swarm.LocalNodeStateActive, ControlAvailable: true}, nil},
		"alone":        {swarm.Info{LocalNodeState: swarm.LocalNodeStateInactive}, []string{"unix:///x is not part of a swarm", "docker swarm init"}},
		"says nothing": {swarm.Info{}, []string{"not part of a swarm", "docker swarm init"}},
		"worker":       {swarm.Info{LocalNodeState: swarm.LocalNodeStateActive}, []string{"worker", "name a manager"}},
		"locked":       {swarm.Info{LocalNodeState: swarm.LocalNodeStateLocked}, []string{"locked", "docker swarm unlock"}},
		"pending":      {swarm.Info{LocalNodeState: swarm.LocalNodeStatePending}, []string{"still joining"}},
		"failed":       {swarm.Info{LocalNodeState: swarm.LocalNodeStateError, Error: "no quorum"}, []string{"no quorum", "docker node ls"}},
		"lost":         {swarm.Info{LocalNodeState: swarm.LocalNodeStateActive, Error: "no quorum"}, []string{"no quorum"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := swarmManager("unix:///x", c.info)
			if (err == nil) != (c.want == nil) {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

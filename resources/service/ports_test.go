package service

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/swarm"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/resources/contract"
)

// slow is a swarm that chooses a port after some looks; never for 0.
type slow struct {
	told
	looks, after int
}

func (s *slow) ServiceInspect(context.Context, string, moby.ServiceInspectOptions) (moby.ServiceInspectResult, error) {
	s.looks++
	port := swarm.PortConfig{Protocol: network.TCP, TargetPort: 80, PublishMode: swarm.PortConfigPublishModeIngress}
	service := swarm.Service{Spec: swarm.ServiceSpec{EndpointSpec: &swarm.EndpointSpec{Ports: []swarm.PortConfig{port}}}}
	if s.looks == s.after {
		port.PublishedPort = 30000
		service.Endpoint.Ports = []swarm.PortConfig{port}
	}
	return moby.ServiceInspectResult{Service: service}, nil
}

// TestChoose: a port that the swarm chooses is waited for, no other one, and not for ever.
func TestChoose(t *testing.T) {
	t.Parallel()
	open := Port{TargetPort: types.Int64Value(80), PublishedPort: types.Int64Unknown(), PublishMode: types.StringValue("ingress")}
	given, single := open, open
	given.PublishedPort, single.PublishMode = types.Int64Value(8080), types.StringValue("host")
	for name, c := range map[string]struct {
		ports   []Port
		after   int
		looks   int
		seconds int
	}{
		"chosen":          {[]Port{given, open}, 3, 3, 0},
		"never":           {[]Port{open}, 0, 8, 10},
		"declared":        {[]Port{given}, 0, 0, 0},
		"of single nodes": {[]Port{single}, 0, 0, 0},
		"no ports":        {nil, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &slow{told: told{messages: make(chan events.Message), errs: make(chan error)}, after: c.after}
				start := time.Now()
				m := Model{EndpointSpec: contract.BlocksOf(EndpointSpec{Ports: contract.BlocksOf(c.ports...)})}
				if err := choose(t.Context(), s, m); err != nil {
					t.Error(err)
				}
				if took := int(time.Since(start) / time.Second); s.looks != c.looks || took != c.seconds {
					t.Errorf("%d looks in %d s, want %d in %d s", s.looks, took, c.looks, c.seconds)
				}
			})
		})
	}
}

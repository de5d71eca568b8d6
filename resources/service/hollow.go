package service

import (
	"github.com/moby/moby/api/types/container"
	mobyswarm "github.com/moby/moby/api/types/swarm"
)

// A part of a specification that is there and says nothing means the same as none, as docker service create and
// kreuzwerker/docker write many. To a swarm it is another specification all the same: taking it away starts all tasks anew.

// keep is what is wanted of a part of a specification; where that is nothing, what says nothing stays.
func keep[T any](wanted, has *T, hollow func(T) bool) *T {
	if wanted == nil && has != nil && hollow(*has) {
		kept := *has // what inspect gave is not to be changed under it
		return &kept
	}
	return wanted
}

func hollowEndpoint(e mobyswarm.EndpointSpec) bool {
	return len(e.Ports) == 0 && (e.Mode == "" || e.Mode == mobyswarm.ResolutionModeVIP)
}

func hollowRestart(r mobyswarm.RestartPolicy) bool {
	return (r.Condition == "" || r.Condition == mobyswarm.RestartPolicyConditionAny) && r.Delay == nil &&
		(r.MaxAttempts == nil || *r.MaxAttempts == 0) && (r.Window == nil || *r.Window == 0)
}

func hollowPlacement(p mobyswarm.Placement) bool {
	return len(p.Constraints) == 0 && len(p.Preferences) == 0 && p.MaxReplicas == 0 && len(p.Platforms) == 0
}

func hollowResources(r mobyswarm.ResourceRequirements) bool {
	limits, reserved := r.Limits, r.Reservations
	return (limits == nil || *limits == mobyswarm.Limit{}) &&
		(reserved == nil || reserved.NanoCPUs == 0 && reserved.MemoryBytes == 0 && len(reserved.GenericResources) == 0)
}

func hollowHealth(h container.HealthConfig) bool {
	return len(h.Test) == 0 && h.Interval == 0 && h.Timeout == 0 && h.StartPeriod == 0 && h.StartInterval == 0 && h.Retries == 0
}

func hollowDNS(d mobyswarm.DNSConfig) bool {
	return len(d.Nameservers) == 0 && len(d.Search) == 0 && len(d.Options) == 0
}

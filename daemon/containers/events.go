//go:build linux

package containers

import (
	"maps"

	"github.com/moby/moby/api/types/events"
)

// happened is an event of a container: its labels, image and name, and what is said in pairs of key and value.
func (r *record) happened(action events.Action, pairs ...string) events.Message {
	attributes := make(map[string]string, len(r.Config.Labels)+2+len(pairs)/2)
	maps.Copy(attributes, r.Config.Labels)
	attributes["name"] = r.Name
	if r.Config.Image != "" {
		attributes["image"] = r.Config.Image
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		attributes[pairs[i]] = pairs[i+1]
	}
	return events.Message{Type: events.ContainerEventType, Action: action, Actor: events.Actor{ID: r.ID, Attributes: attributes}}
}

// tell publishes an event that changes no record. It comes after those of the change its caller has seen: a record is
// visible before its events are out.
func (s *Service) tell(c *ctr, action events.Action, pairs ...string) {
	c.commit.Lock()
	defer c.commit.Unlock()
	s.events.Publish(c.record().happened(action, pairs...))
}

//go:build linux

package containers

import (
	"net"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// resolveLinks reads HostConfig.Links, "container[:alias]", where inspect's form "/container:/this/alias" is a way to say
// the same.
func (s *Service) resolveLinks(h *container.HostConfig) ([]link, error) {
	var links []link
	for _, entry := range h.Links {
		name, alias, found := strings.Cut(entry, ":")
		if !found {
			alias = strings.TrimPrefix(name, "/")
		}
		alias = alias[strings.LastIndexByte(alias, '/')+1:]
		if name == "" || !validAlias(alias) {
			return nil, invalid("bad format for links: %s", entry)
		}
		c, err := s.index.find(name)
		if err != nil {
			return nil, invalid("could not get container for %s: %v", name, err) // not 404: clients would pull an image
		}
		if c.record().Host.NetworkMode.IsHost() {
			return nil, invalid("conflicting options: host type networking can't be used with links. This would result in undefined behavior")
		}
		if slices.ContainsFunc(links, func(l link) bool { return l.Alias == alias }) {
			return nil, invalid("Conflict. The link alias %q is used twice", alias)
		}
		links = append(links, link{ID: c.id, Alias: alias})
	}
	return links, nil
}

// validAlias: an alias becomes a host name and part of names of variables.
func validAlias(alias string) bool {
	return strictName.MatchString(alias) || looseName.MatchString(alias)
}

// linkNames is how HostConfig.Links of an inspect says it: "/other:/this/alias".
func (s *Service) linkNames(r *record) []string {
	var out []string
	for _, l := range r.Links {
		if other, ok := s.index.get(l.ID); ok {
			out = append(out, "/"+other.record().Name+":/"+r.Name+"/"+l.Alias)
		}
	}
	return out
}

// linked is a container behind a link as it is now.
type linked struct {
	alias string
	r     *record
	ip    string
}

// linksOf returns the linked containers that run; one that does not is an error, since its address would be missing.
func (s *Service) linksOf(r *record) ([]linked, error) {
	var out []linked
	for _, l := range r.Links {
		other, ok := s.index.get(l.ID)
		if !ok {
			continue // removed since
		}
		o := other.record()
		if !o.State.Running {
			return nil, conflict("Cannot link to a non running container: /%s AS /%s/%s", o.Name, r.Name, l.Alias)
		}
		e := o.Endpoints[network.NetworkBridge]
		if e == nil || !e.IPAddress.IsValid() {
			continue
		}
		out = append(out, linked{alias: l.Alias, r: o, ip: e.IPAddress.String()})
	}
	return out, nil
}

// env are the variables of a link: ALIAS_NAME, ALIAS_PORT… and ALIAS_ENV_….
func (l *linked) env(parent string) []string {
	prefix := strings.ToUpper(strings.ReplaceAll(l.alias, "-", "_"))
	out := []string{prefix + "_NAME=/" + parent + "/" + l.alias}
	for i, port := range exposed(l.r.Config) {
		number, proto := port.Port(), string(port.Proto())
		url := proto + "://" + net.JoinHostPort(l.ip, number)
		if i == 0 {
			out = append(out, prefix+"_PORT="+url)
		}
		key := prefix + "_PORT_" + number + "_" + strings.ToUpper(proto)
		out = append(out, key+"="+url, key+"_ADDR="+l.ip, key+"_PORT="+number, key+"_PROTO="+proto)
	}
	for _, v := range l.r.Config.Env {
		name, _, _ := strings.Cut(v, "=")
		if name != "PATH" && name != "HOME" {
			out = append(out, prefix+"_ENV_"+v)
		}
	}
	return out
}

// exposed are the ports of a configuration: tcp first, by number.
func exposed(c *container.Config) []network.Port {
	ports := make([]network.Port, 0, len(c.ExposedPorts))
	for p := range c.ExposedPorts {
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b network.Port) int {
		if a.Proto() != b.Proto() {
			return strings.Compare(string(a.Proto()), string(b.Proto()))
		}
		return int(a.Num()) - int(b.Num())
	})
	return ports
}

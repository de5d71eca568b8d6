package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	moby "github.com/moby/moby/client"

	"github.com/cleat-dev/cleat/api/errs"
	"github.com/cleat-dev/cleat/internal/composefile"
	"github.com/cleat-dev/cleat/internal/containerref"
	"github.com/cleat-dev/cleat/internal/imageref"
	"github.com/cleat-dev/cleat/resources/contract"
)

// The labels of docker compose.
const (
	labelProject     = "com.docker.compose.project"
	labelService     = "com.docker.compose.service"
	labelNumber      = "com.docker.compose.container-number"
	labelOneoff      = "com.docker.compose.oneoff"
	labelHash        = "com.docker.compose.config-hash"
	labelDirectory   = "com.docker.compose.project.working_dir"
	labelFiles       = "com.docker.compose.project.config_files"
	labelEnvFiles    = "com.docker.compose.project.environment_file"
	labelVersion     = "com.docker.compose.version"
	labelImage       = "com.docker.compose.image"
	labelDependsOn   = "com.docker.compose.depends_on"
	labelNetwork     = "com.docker.compose.network"
	labelVolume      = "com.docker.compose.volume"
	labelContent     = "cleat.compose.content" // the hash of what was put into the container
	labelMayEnd      = "cleat.compose.may-end" // it is meant to end by itself
	labelVersionText = "2.40.0"                // the docker compose whose labels these are
)

// state is one service, or network, in words: its mark, how many containers it has, and what is wrong with them.
//
//	0af1…          one container
//	0af1… x3       three
//	0af1… (p-web-1 is exited)
type state struct {
	mark    string
	count   int
	trouble string
}

func (s state) String() string {
	text := s.mark
	if s.count != 1 {
		text += " x" + strconv.Itoa(s.count)
	}
	if s.trouble != "" {
		text += " (" + s.trouble + ")"
	}
	return text
}

func parseState(text string) state {
	s := state{count: 1}
	text, trouble, found := strings.Cut(text, " (")
	if found {
		s.trouble = strings.TrimSuffix(trouble, ")")
	}
	mark, count, found := strings.Cut(text, " x")
	if n, err := strconv.Atoi(count); found && err == nil {
		s.count = n
	}
	s.mark = mark
	return s
}

// desired is what services and networks are to be.
func desired(p *types.Project) (services, networks map[string]string, err error) {
	services, networks = map[string]string{}, map[string]string{}
	for name, s := range p.Services {
		mark, err := composefile.MarkOf(p, s)
		if err != nil {
			return nil, nil, err
		}
		if n := s.GetScale(); n > 0 {
			services[name] = state{mark: mark.String(), count: n}.String()
		}
	}
	for name, n := range p.Networks {
		if n.External {
			continue
		}
		hash, err := composefile.NetworkHash(n)
		if err != nil {
			return nil, nil, err
		}
		networks[name] = hash
	}
	return services, networks, nil
}

// inventory is what an engine has of a project.
type inventory struct {
	// containers are those of services, by service and in the order of their numbers.
	containers map[string][]container.Summary
	// aside are those that were taken out of the way, and oneoff those of docker compose run.
	aside, oneoff []container.Summary
	networks      map[string]network.Summary
}

// look lists a project.
func look(ctx context.Context, e API, project string) (*inventory, error) {
	filter := moby.Filters{}.Add("label", labelProject+"="+project)
	containers, err := e.ContainerList(ctx, moby.ContainerListOptions{All: true, Filters: filter})
	if err != nil {
		return nil, fmt.Errorf("containers of project %q: %w", project, err)
	}
	networks, err := e.NetworkList(ctx, moby.NetworkListOptions{Filters: filter})
	if err != nil {
		return nil, fmt.Errorf("networks of project %q: %w", project, err)
	}
	i := &inventory{containers: map[string][]container.Summary{}, networks: map[string]network.Summary{}}
	for _, c := range containers.Items {
		service := c.Labels[labelService]
		switch {
		case c.Labels[labelProject] != project:
		case service == "" || strings.EqualFold(c.Labels[labelOneoff], "true"):
			i.oneoff = append(i.oneoff, c)
		case strings.HasSuffix(nameOf(c), contract.AsideSuffix):
			i.aside = append(i.aside, c)
		default:
			i.containers[service] = append(i.containers[service], c)
		}
	}
	for _, all := range i.containers {
		slices.SortFunc(all, func(a, b container.Summary) int { return numberOf(a) - numberOf(b) })
	}
	for _, n := range networks.Items {
		if n.Labels[labelProject] == project && n.Labels[labelNetwork] != "" {
			i.networks[n.Labels[labelNetwork]] = n
		}
	}
	return i, nil
}

func (i *inventory) empty() bool {
	return len(i.containers)+len(i.aside)+len(i.oneoff)+len(i.networks) == 0
}

// every is all containers there are.
func (i *inventory) every() []container.Summary {
	all := slices.Concat(i.aside, i.oneoff)
	for _, service := range sorted(i.containers) {
		all = append(all, i.containers[service]...)
	}
	return all
}

// services is what the containers come to.
func (i *inventory) services(ctx context.Context, e API) (map[string]string, error) {
	all := make(map[string]string, len(i.containers))
	for service, containers := range i.containers {
		s := state{count: len(containers)}
		for _, c := range containers {
			mark := markOf(c)
			if s.mark != "" && s.mark != mark {
				s.trouble = nameOf(c) + " is of another definition"
			}
			s.mark = mark
		}
		for _, c := range containers {
			if s.trouble != "" {
				break
			}
			if !runs(c) {
				s.trouble = fmt.Sprintf("%s is %s", nameOf(c), c.State)
				continue
			}
			moved, err := imageMoved(ctx, e, c)
			if err != nil {
				return nil, err
			}
			if moved {
				s.trouble = fmt.Sprintf("%s is not of the image its name stands for", nameOf(c))
			}
		}
		all[service] = s.String()
	}
	return all, nil
}

// marks are the hashes the networks are labelled with.
func (i *inventory) marks() map[string]string {
	all := make(map[string]string, len(i.networks))
	for name, n := range i.networks {
		all[name] = n.Labels[labelHash]
	}
	return all
}

// imageMoved reports whether the name a container's image was given by stands for another one now. A list shows the name
// unless it does: then it shows an id.
func imageMoved(ctx context.Context, e API, c container.Summary) (bool, error) {
	name := c.Image
	if imageref.IsID(name) {
		found, err := e.ContainerInspect(ctx, c.ID, moby.ContainerInspectOptions{})
		if errors.Is(err, errs.ErrNotFound) || err == nil && found.Container.Config == nil {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("container %q: %w", nameOf(c), err)
		}
		if name = found.Container.Config.Image; imageref.IsID(name) {
			return false, nil
		}
	}
	image, err := e.ImageInspect(ctx, imageref.Local(name))
	if errors.Is(err, errs.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("image %q: %w", name, err)
	}
	return !sameID(image.ID, c.ImageID), nil
}

// sameID compares ids of images; podman leaves the algorithm out.
func sameID(a, b string) bool {
	return strings.TrimPrefix(a, "sha256:") == strings.TrimPrefix(b, "sha256:")
}

// markOf is the mark a container was made by.
func markOf(c container.Summary) string {
	return composefile.Mark{Config: c.Labels[labelHash], Content: c.Labels[labelContent]}.String()
}

func nameOf(c container.Summary) string {
	return cmp.Or(containerref.Name(c.Names), c.ID)
}

func numberOf(c container.Summary) int {
	n, _ := strconv.Atoi(c.Labels[labelNumber])
	return n
}

// success finds an exit with code 0 in the words of a list, the only ones that tell it.
var success = regexp.MustCompile(`(?i)^exited \(0\)`)

// runs reports whether a container does what it is there for: it runs, or has done what it was to do. One that its
// restart policy starts again and again counts as running: another start would change nothing.
func runs(c container.Summary) bool {
	switch string(c.State) {
	case "running", "restarting":
		return true
	case "exited", "stopped":
		return c.Labels[labelMayEnd] == "true" && success.MatchString(c.Status)
	}
	return false
}

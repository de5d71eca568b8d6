package composefile

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/cleat-dev/cleat/api/errs"
)

// Source says which files make a project, as the flags of `docker compose` do.
type Source struct {
	// Paths are the Compose files, the later ones over the earlier.
	Paths []string
	// Directory is what relative paths in the files start at; that of the first file when empty.
	Directory string
	// Name of the project; when empty the files' own, else the directory's.
	Name string
	// Profiles that are active, and EnvFiles with values of variables instead of .env.
	Profiles, EnvFiles []string
	// Unset is told of each variable that has no value where one is taken, and is blank; may be nil, and is called from several
	// goroutines.
	Unset func(variable string)
}

// Load reads a project. An error is errs.ErrInvalid and has the loader's own words.
func Load(ctx context.Context, s Source) (*types.Project, error) {
	directory := s.Directory
	if directory != "" {
		absolute, err := filepath.Abs(directory)
		if err != nil {
			return nil, errs.Errorf(errs.ErrInvalid, "%v", err)
		}
		directory = absolute
	}
	options, err := cli.NewProjectOptions(s.Paths,
		cli.WithWorkingDirectory(directory), cli.WithOsEnv, cli.WithEnvFiles(s.EnvFiles...), cli.WithDotEnv,
		cli.WithDefaultProfiles(s.Profiles...), cli.WithName(s.Name), cli.WithResolvedPaths(true), cli.WithDiscardEnvFile,
		cli.WithLoadOptions(s.interpolate))
	if err != nil {
		return nil, errs.Errorf(errs.ErrInvalid, "%v", err)
	}
	p, err := options.LoadProject(ctx)
	if err != nil {
		return nil, errs.Errorf(errs.ErrInvalid, "%v", err)
	}
	if p, err = p.WithServicesLabelsResolved(true); err != nil {
		return nil, errs.Errorf(errs.ErrInvalid, "%v", err)
	}
	if len(p.Services) == 0 {
		return nil, errs.Errorf(errs.ErrInvalid, "%s: no service selected: none is declared, or each has a profile that is not active", strings.Join(s.Paths, ", "))
	}
	for i, file := range p.ComposeFiles {
		if absolute, err := filepath.Abs(file); err == nil {
			p.ComposeFiles[i] = absolute
		}
	}
	return p.WithoutUnnecessaryResources(), nil
}

// plain is a variable without a default: $NAME, ${NAME}.
var plain = regexp.MustCompile(`^\$(?:\{(\w+)\}|(\w+))$`)

// interpolate puts substitute in place, where anything is substituted.
func (s Source) interpolate(o *loader.Options) {
	if o.Interpolate != nil {
		o.Interpolate.Substitute = s.substitute
	}
}

// substitute puts the values of variables into a text. The loader's own writes to standard error what is not set.
func (s Source) substitute(text string, values template.Mapping) (string, error) {
	return template.SubstituteWithOptions(text, values, template.WithoutLogging,
		template.WithReplacementFunction(func(variable string, values template.Mapping, c *template.Config) (string, error) {
			if found := plain.FindStringSubmatch(variable); found != nil && s.Unset != nil {
				if _, set := values(found[1] + found[2]); !set {
					s.Unset(found[1] + found[2])
				}
			}
			return template.DefaultReplacementFunc(variable, values, c)
		}))
}

// MayEnd reports whether a service is meant to end by itself: another one waits for its completion, or it says itself that
// it is not to be started again ("no" or on-failure; not when it says nothing).
func MayEnd(p *types.Project, name string) bool {
	for _, other := range p.Services {
		if other.DependsOn[name].Condition == types.ServiceConditionCompletedSuccessfully {
			return true
		}
	}
	s := p.Services[name]
	restart, _, _ := strings.Cut(s.Restart, ":")
	if s.Deploy != nil && s.Deploy.RestartPolicy != nil {
		restart = s.Deploy.RestartPolicy.Condition
	}
	return restart == types.RestartPolicyNo || restart == "none" || restart == types.RestartPolicyOnFailure
}

// ContainerName is the name of a container of a service.
func ContainerName(p *types.Project, s types.ServiceConfig, number int) string {
	if s.ContainerName != "" {
		return s.ContainerName
	}
	return fmt.Sprintf("%s-%s-%d", p.Name, s.Name, number)
}

// ImageName is the image of a service: the one it names, or the one its build makes.
func ImageName(p *types.Project, s types.ServiceConfig) string {
	if s.Image != "" {
		return s.Image
	}
	return p.Name + "-" + s.Name
}

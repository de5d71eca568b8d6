package functions

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/cleat-dev/cleat/internal/buildcontext"
)

func contextHash() Function {
	return Function{
		Name:    "context_hash",
		Summary: "Returns one hash over the files of a directory that belong to a build context.",
		Description: "SHA-256 in hexadecimal, over names, content, mode bits and targets of links of everything that is not ignored; times and owners do not " +
			"count, so a fresh checkout of the same tree has the same hash. Patterns are those of `.dockerignore` in the directory, or of the file " +
			"given instead; what Terraform leaves in a directory (`.terraform`, state, `*.tfplan`) is ignored as well. A `docker_image` with a `build` block does this by itself; the function is for what else follows the files, such as " +
			"`triggers` and tags.",
		Parameters: []Parameter{{Name: "directory", Description: "The directory, relative to the working directory: use `path.module`.", Type: types.StringType}},
		Variadic:   &Parameter{Name: "dockerignore", Description: "File of patterns to ignore, relative to the directory or absolute, instead of `.dockerignore`. At most one.", Type: types.StringType},
		Result:     types.StringType,
		Call: func(ctx context.Context, arguments []attr.Value) (attr.Value, error) {
			if len(arguments) > 2 {
				return nil, wrong(2, "found %d files of patterns, want at most one", len(arguments)-1)
			}
			ignore := ""
			if len(arguments) == 2 {
				if ignore = str(arguments[1]); ignore == "" {
					return nil, wrong(1, "found an empty name, want a file of patterns; leave the argument out for .dockerignore")
				}
			}
			dir, err := buildcontext.OpenDirectory(str(arguments[0]), ignore)
			if input := new(buildcontext.InputError); errors.As(err, &input) && input.Field == buildcontext.FieldIgnore {
				return nil, at(1, err)
			}
			if err != nil {
				return nil, at(0, err)
			}
			manifest, err := dir.Manifest(ctx, nil)
			if err != nil {
				return nil, at(0, err)
			}
			return types.StringValue(manifest.Digest()), nil
		},
	}
}

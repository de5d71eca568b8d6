// Command schemas prints the schemas of actions and list resources as "terraform providers schema -json" of Terraform
// 1.14 does, from the provider itself: the Terraform that docs/ is made with need not know them.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/cleat-dev/cleat/provider"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	all, err := schemas(ctx)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}

type object = map[string]any

// schemas are those of the provider, by kind and name.
func schemas(ctx context.Context) (map[string]object, error) {
	p, err := provider.New(ctx, "docs")
	if err != nil {
		return nil, err
	}
	server, err := provider.NewServer(ctx, p)
	if err != nil {
		return nil, err
	}
	said, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return nil, err
	}
	for _, d := range said.Diagnostics {
		return nil, fmt.Errorf("%s: %s", d.Summary, d.Detail)
	}
	all := map[string]object{"action_schemas": {}, "list_resource_schemas": {}}
	for name, action := range said.ActionSchemas {
		all["action_schemas"][name] = object{"block": block(action.Schema.Block)}
	}
	for name, list := range said.ListResourceSchemas {
		all["list_resource_schemas"][name] = object{"version": list.Version, "block": block(list.Block)}
	}
	return all, nil
}

func block(b *tfprotov6.SchemaBlock) object {
	attributes, blocks := object{}, object{}
	for _, a := range b.Attributes {
		attributes[a.Name] = object{
			"type": a.Type, "description": a.Description, "description_kind": kind(a.DescriptionKind), "deprecated": a.Deprecated,
			"required": a.Required, "optional": a.Optional, "computed": a.Computed, "sensitive": a.Sensitive, "write_only": a.WriteOnly,
		}
	}
	for _, inner := range b.BlockTypes {
		blocks[inner.TypeName] = object{
			"nesting_mode": strings.ToLower(inner.Nesting.String()), "block": block(inner.Block), "min_items": inner.MinItems, "max_items": inner.MaxItems,
		}
	}
	return object{
		"attributes": attributes, "block_types": blocks, "description": b.Description, "description_kind": kind(b.DescriptionKind), "deprecated": b.Deprecated,
	}
}

func kind(k tfprotov6.StringKind) string {
	if k == tfprotov6.StringKindMarkdown {
		return "markdown"
	}
	return "plain"
}

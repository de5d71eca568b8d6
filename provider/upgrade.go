package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/cleat-dev/cleat/resources/contract"
)

// UpgradeState reads states of older schema versions. Versions count as in kreuzwerker/docker, whose states are taken
// over (terraform state replace-provider): what changed there on the way to today's is that labels were maps and are
// blocks now. Attributes we do not have are passed over, as Terraform's core does for the current version.
func (s *shell) UpgradeState(context.Context) map[int64]resource.StateUpgrader {
	upgraders := map[int64]resource.StateUpgrader{}
	for version := range s.t.Node().Version {
		upgraders[version] = resource.StateUpgrader{StateUpgrader: s.upgrade}
	}
	return upgraders
}

func (s *shell) upgrade(ctx context.Context, req resource.UpgradeStateRequest, resp *resource.UpgradeStateResponse) {
	raw, err := upgraded(ctx, s.t.Node(), req.RawState)
	if err != nil {
		resp.Diagnostics.AddError(s.name+": state of an older version cannot be read",
			err.Error()+"\n\nRemove the object from the state (terraform state rm) and import it again.")
		return
	}
	resp.State.Raw = raw
}

func upgraded(ctx context.Context, n *contract.Node, state *tfprotov6.RawState) (tftypes.Value, error) {
	if state == nil || state.JSON == nil {
		return tftypes.Value{}, errors.New("the state is older than Terraform 0.12")
	}
	var values map[string]any
	if err := json.Unmarshal(state.JSON, &values); err != nil {
		return tftypes.Value{}, fmt.Errorf("state: %w", err)
	}
	labelsToBlocks(n, values)
	current, err := json.Marshal(values)
	if err != nil {
		return tftypes.Value{}, fmt.Errorf("state: %w", err)
	}
	value, err := (&tfprotov6.RawState{JSON: current}).UnmarshalWithOpts(n.Type().TerraformType(ctx), tfprotov6.UnmarshalOpts{
		ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true},
	})
	if err != nil {
		return tftypes.Value{}, fmt.Errorf("state: %w", err)
	}
	return value, nil
}

// labelsToBlocks turns maps into blocks of label and value, wherever the schema has such blocks.
func labelsToBlocks(n *contract.Node, values map[string]any) {
	for _, b := range n.Blocks {
		switch value := values[b.Name].(type) {
		case map[string]any:
			if isLabels(b.Node) {
				values[b.Name] = labelBlocks(value)
			} else {
				labelsToBlocks(b.Node, value)
			}
		case []any:
			for _, item := range value {
				if inside, ok := item.(map[string]any); ok {
					labelsToBlocks(b.Node, inside)
				}
			}
		}
	}
}

func isLabels(n *contract.Node) bool {
	_, label := n.Attribute("label")
	_, value := n.Attribute("value")
	return label && value && len(n.Attributes) == 2
}

func labelBlocks(labels map[string]any) []any {
	blocks := make([]any, 0, len(labels))
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		blocks = append(blocks, map[string]any{"label": label, "value": labels[label]})
	}
	return blocks
}

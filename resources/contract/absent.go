package contract

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

// Absent returns the null and the unknown value of a type, or an error for one that no schema of ours has.
func Absent(t attr.Type) (null, unknown attr.Value, err error) {
	switch t := t.(type) {
	case basetypes.StringType:
		return types.StringNull(), types.StringUnknown(), nil
	case basetypes.BoolType:
		return types.BoolNull(), types.BoolUnknown(), nil
	case basetypes.Int64Type:
		return types.Int64Null(), types.Int64Unknown(), nil
	case basetypes.Int32Type:
		return types.Int32Null(), types.Int32Unknown(), nil
	case basetypes.Float64Type:
		return types.Float64Null(), types.Float64Unknown(), nil
	case basetypes.Float32Type:
		return types.Float32Null(), types.Float32Unknown(), nil
	case basetypes.NumberType:
		return types.NumberNull(), types.NumberUnknown(), nil
	case basetypes.ListType:
		return types.ListNull(t.ElemType), types.ListUnknown(t.ElemType), nil
	case basetypes.SetType:
		return types.SetNull(t.ElemType), types.SetUnknown(t.ElemType), nil
	case basetypes.MapType:
		return types.MapNull(t.ElemType), types.MapUnknown(t.ElemType), nil
	case basetypes.ObjectType:
		return types.ObjectNull(t.AttrTypes), types.ObjectUnknown(t.AttrTypes), nil
	default:
		return nil, nil, fmt.Errorf("values of type %s have no counterpart", t)
	}
}

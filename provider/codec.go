package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/cleat-dev/cleat/resources/contract"
)

// The protocol carries objects in MessagePack, with an extension for what is not known, and states in JSON
// (https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol, object-wire-format.md in Terraform's
// sources). The protocol's library reads both into a tree of its own, of which the framework makes another; here there is
// one step. What is not as it should be is an error, and left to the library, which has the words for it.

// errForm is the error of a value that is not of its schema's form.
var errForm = errors.New("not of the form of the schema")

// decoder reads objects in MessagePack.
type decoder struct {
	ctx context.Context
	*msgpack.Decoder
}

// decodeObject reads an object of a node. What is missing is null; null blocks are blocks without items.
func decodeObject(ctx context.Context, n *contract.Node, raw []byte) (types.Object, error) {
	in := bytes.NewReader(raw)
	d := decoder{ctx, msgpack.NewDecoder(in)}
	object, err := d.object(n)
	if err == nil && in.Len() > 0 {
		err = fmt.Errorf("%d bytes after the object: %w", in.Len(), errForm)
	}
	return object, err
}

func (d decoder) object(n *contract.Node) (types.Object, error) {
	none := n.Null()
	switch there, err := d.presence(); {
	case err != nil || there == null:
		return none, err
	case there == unknown:
		return types.ObjectUnknown(n.Type().AttrTypes), nil
	}
	size, err := d.DecodeMapLen()
	if err != nil {
		return none, err
	}
	values := make(map[string]attr.Value, len(n.Attributes)+len(n.Blocks))
	for range size {
		name, err := d.DecodeString()
		if err != nil {
			return none, err
		}
		if a, ok := n.Attribute(name); ok {
			values[name], err = d.attribute(a)
		} else if b, ok := n.Block(name); ok {
			values[name], err = d.block(b)
		} else {
			err = errForm
		}
		if err != nil {
			return none, fmt.Errorf("%s: %w", name, err)
		}
	}
	return n.Object(values) // refuses one with a value missing
}

func (d decoder) attribute(a *contract.Attribute) (attr.Value, error) {
	switch there, err := d.presence(); {
	case err != nil || there == null:
		return a.Null, err
	case there == unknown:
		return a.Unknown, nil
	}
	return d.value(a.Type)
}

func (d decoder) block(b *contract.Block) (attr.Value, error) {
	switch there, err := d.presence(); {
	case err != nil || there == null:
		return b.None, err
	case there == unknown:
		return b.Unknown, nil
	}
	if b.Nesting == contract.Single {
		return d.object(b.Node)
	}
	items, err := d.list(func() (attr.Value, error) { return d.object(b.Node) })
	if err != nil {
		return nil, err
	}
	return collection(b.Type, items)
}

// value reads a value that is there.
func (d decoder) value(t attr.Type) (attr.Value, error) {
	switch t := t.(type) {
	case basetypes.StringType:
		v, err := d.DecodeString()
		return types.StringValue(v), err
	case basetypes.BoolType:
		v, err := d.DecodeBool()
		return types.BoolValue(v), err
	case basetypes.Int64Type:
		if code, err := d.PeekCode(); err == nil && isInteger(code) {
			v, err := d.DecodeInt64()
			return types.Int64Value(v), err
		}
	case basetypes.ListType:
		return d.elements(t, t.ElemType)
	case basetypes.SetType:
		return d.elements(t, t.ElemType)
	case basetypes.MapType:
		return d.mapping(t)
	case basetypes.ObjectType:
		return d.members(t)
	}
	return d.other(t)
}

// isInteger reports whether a number is written as one that int64 holds, by its first byte.
func isInteger(code byte) bool {
	return msgpcode.IsFixedNum(code) || code == msgpcode.Uint8 || code == msgpcode.Uint16 || code == msgpcode.Uint32 ||
		code == msgpcode.Int8 || code == msgpcode.Int16 || code == msgpcode.Int32 || code == msgpcode.Int64
}

// element reads a value of a collection.
func (d decoder) element(t attr.Type) (attr.Value, error) {
	code, err := d.PeekCode()
	switch {
	case err == nil && msgpcode.IsExt(code):
		return d.other(t)
	case code == msgpcode.Nil:
		if none, _, err := contract.Absent(t); err == nil {
			return none, d.DecodeNil()
		}
		return d.other(t)
	}
	return d.value(t)
}

// other reads a value by the protocol's library: what is rare.
func (d decoder) other(t attr.Type) (attr.Value, error) {
	raw, err := d.DecodeRaw()
	if err != nil {
		return nil, err
	}
	value, err := tfprotov6.DynamicValue{MsgPack: raw}.Unmarshal(t.TerraformType(d.ctx))
	if err != nil {
		return nil, err
	}
	return t.ValueFromTerraform(d.ctx, value)
}

func (d decoder) elements(t, element attr.Type) (attr.Value, error) {
	items, err := d.list(func() (attr.Value, error) { return d.element(element) })
	if err != nil {
		return nil, err
	}
	return collection(t, items)
}

// maxAhead is how many elements room is made for before they are read.
const maxAhead = 64

func (d decoder) list(next func() (attr.Value, error)) ([]attr.Value, error) {
	size, err := d.DecodeArrayLen()
	if err != nil {
		return nil, err
	}
	items := make([]attr.Value, 0, min(max(size, 0), maxAhead))
	for range size {
		item, err := next()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func (d decoder) mapping(t basetypes.MapType) (attr.Value, error) {
	size, err := d.DecodeMapLen()
	if err != nil {
		return nil, err
	}
	items := make(map[string]attr.Value, min(max(size, 0), maxAhead))
	for range size {
		key, err := d.DecodeString()
		if err != nil {
			return nil, err
		}
		if items[key], err = d.element(t.ElemType); err != nil {
			return nil, err
		}
	}
	value, diags := types.MapValue(t.ElemType, items)
	return value, firstError(diags)
}

// members reads an object that is the value of an attribute, or an element of one.
func (d decoder) members(t basetypes.ObjectType) (attr.Value, error) {
	size, err := d.DecodeMapLen()
	if err != nil {
		return nil, err
	}
	values := make(map[string]attr.Value, len(t.AttrTypes))
	for range size {
		name, err := d.DecodeString()
		if err != nil {
			return nil, err
		}
		member, ok := t.AttrTypes[name]
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, errForm)
		}
		if values[name], err = d.element(member); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	object, diags := types.ObjectValue(t.AttrTypes, values)
	return object, firstError(diags)
}

// presence is whether a value is there.
type presence int

const (
	given presence = iota
	null
	unknown
)

// presence reads a null or an unknown, with what is known of the latter all the same, and nothing else.
func (d decoder) presence() (presence, error) {
	code, err := d.PeekCode()
	switch {
	case err != nil:
		return given, err
	case code == msgpcode.Nil:
		return null, d.DecodeNil()
	case msgpcode.IsExt(code):
		return unknown, d.Skip()
	}
	return given, nil
}

// collection returns a list or set of elements.
func collection(t attr.Type, items []attr.Value) (attr.Value, error) {
	switch t := t.(type) {
	case basetypes.ListType:
		list, diags := types.ListValue(t.ElemType, items)
		return list, firstError(diags)
	case basetypes.SetType:
		set, diags := types.SetValue(t.ElemType, items)
		return set, firstError(diags)
	}
	return nil, fmt.Errorf("%s is no list or set: %w", t, errForm)
}

// unknownValue is the extension for what is not known.
var unknownValue = []byte{msgpcode.FixExt1, 0, 0}

// encoder writes objects in MessagePack.
type encoder struct {
	ctx context.Context
	out *bytes.Buffer
	*msgpack.Encoder
}

// encodeObject writes an object of a node.
func encodeObject(ctx context.Context, n *contract.Node, object types.Object) ([]byte, error) {
	var out bytes.Buffer
	e := encoder{ctx, &out, msgpack.NewEncoder(&out)}
	e.UseCompactInts(true)
	err := e.object(n, object)
	return out.Bytes(), err
}

// absent writes a null or an unknown; false for a value that is there.
func (e encoder) absent(v attr.Value) (bool, error) {
	switch {
	case v.IsNull():
		return true, e.EncodeNil()
	case v.IsUnknown():
		_, err := e.out.Write(unknownValue)
		return true, err
	}
	return false, nil
}

func (e encoder) object(n *contract.Node, object types.Object) error {
	if done, err := e.absent(object); done {
		return err
	}
	values := object.Attributes()
	if err := e.EncodeMapLen(len(n.Attributes) + len(n.Blocks)); err != nil {
		return err
	}
	for _, a := range n.Attributes {
		if err := e.member(a.Name, func() error { return e.value(values[a.Name]) }); err != nil {
			return err
		}
	}
	for _, b := range n.Blocks {
		if err := e.member(b.Name, func() error { return e.block(b, values[b.Name]) }); err != nil {
			return err
		}
	}
	return nil
}

func (e encoder) member(name string, value func() error) error {
	if err := e.EncodeString(name); err != nil {
		return err
	}
	if err := value(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (e encoder) block(b *contract.Block, value attr.Value) error {
	if done, err := e.absent(value); done {
		return err
	}
	var items []attr.Value
	switch v := value.(type) {
	case types.Object:
		return e.object(b.Node, v)
	case types.List:
		items = v.Elements()
	case types.Set:
		items = v.Elements()
	}
	return e.list(items, func(item attr.Value) error {
		object, ok := item.(types.Object)
		if !ok {
			return fmt.Errorf("item is %T: %w", item, errForm)
		}
		return e.object(b.Node, object)
	})
}

func (e encoder) list(items []attr.Value, encode func(attr.Value) error) error {
	if err := e.EncodeArrayLen(len(items)); err != nil {
		return err
	}
	for _, item := range items {
		if err := encode(item); err != nil {
			return err
		}
	}
	return nil
}

func (e encoder) value(value attr.Value) error {
	if done, err := e.absent(value); done {
		return err
	}
	switch v := value.(type) {
	case types.String:
		return e.EncodeString(v.ValueString())
	case types.Bool:
		return e.EncodeBool(v.ValueBool())
	case types.Int64:
		return e.EncodeInt(v.ValueInt64())
	case types.List:
		return e.list(v.Elements(), e.value)
	case types.Set:
		return e.list(v.Elements(), e.value)
	case types.Map:
		return e.mapping(v.Elements())
	case types.Object:
		return e.mapping(v.Attributes())
	}
	raw, err := value.ToTerraformValue(e.ctx)
	if err != nil {
		return err
	}
	other, err := tfprotov6.NewDynamicValue(raw.Type(), raw)
	if err == nil {
		_, err = e.out.Write(other.MsgPack)
	}
	return err
}

func (e encoder) mapping(items map[string]attr.Value) error {
	if err := e.EncodeMapLen(len(items)); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(items)) {
		if err := e.member(key, func() error { return e.value(items[key]) }); err != nil {
			return err
		}
	}
	return nil
}

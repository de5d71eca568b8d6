package contract

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// binding ties a schema to the struct that models it: which field holds which attribute or block.
type binding struct {
	node       *Node
	attributes []int
	blocks     []blockBinding
}

// blockBinding is the field of a block, a Blocks[T], and the binding of T.
type blockBinding struct {
	field  int
	item   reflect.Type
	inside *binding
}

// bind returns the binding of a model type, or an error naming every attribute without a field and every field
// without an attribute.
func bind(n *Node, model reflect.Type) (*binding, error) {
	if model.Kind() != reflect.Struct {
		return nil, fmt.Errorf("model %s is not a struct", model)
	}
	fields := map[string]int{}
	for i := range model.NumField() {
		if tag := model.Field(i).Tag.Get("tfsdk"); tag != "" {
			fields[tag] = i
		}
	}
	b := &binding{node: n}
	for _, a := range n.Attributes {
		i, ok := fields[a.Name]
		if !ok {
			return nil, fmt.Errorf("model %s has no field for attribute %q", model, a.Name)
		}
		delete(fields, a.Name)
		if want := reflect.TypeOf(a.Null); model.Field(i).Type != want {
			return nil, fmt.Errorf("model %s: field of attribute %q is %s, its schema says %s", model, a.Name, model.Field(i).Type, want)
		}
		b.attributes = append(b.attributes, i)
	}
	for _, block := range n.Blocks {
		i, ok := fields[block.Name]
		if !ok {
			return nil, fmt.Errorf("model %s has no field for block %q", model, block.Name)
		}
		delete(fields, block.Name)
		bound, err := bindBlock(block, model, i)
		if err != nil {
			return nil, err
		}
		b.blocks = append(b.blocks, bound)
	}
	for tag := range fields {
		return nil, fmt.Errorf("model %s has a field %q that is not in the schema", model, tag)
	}
	return b, nil
}

func bindBlock(block *Block, model reflect.Type, field int) (blockBinding, error) {
	t := model.Field(field).Type
	items, ok := t.FieldByName("Items")
	if _, unknown := t.FieldByName("Unknown"); !ok || !unknown || items.Type.Kind() != reflect.Slice {
		return blockBinding{}, fmt.Errorf("model %s: field of block %q is %s, want contract.Blocks", model, block.Name, t)
	}
	inside, err := bind(block.Node, items.Type.Elem())
	return blockBinding{field: field, item: items.Type.Elem(), inside: inside}, err
}

// encode returns the object a model stands for. Zero values of collections, which carry no type, become typed nulls.
func (b *binding) encode(model reflect.Value) (types.Object, error) {
	values := make(map[string]attr.Value, len(b.attributes)+len(b.blocks))
	for i, a := range b.node.Attributes {
		value, _ := model.Field(b.attributes[i]).Interface().(attr.Value)
		switch {
		case value.IsNull():
			value = a.Null
		case value.IsUnknown():
			value = a.Unknown
		}
		values[a.Name] = value
	}
	for i, block := range b.node.Blocks {
		value, err := b.blocks[i].encode(block, model.Field(b.blocks[i].field))
		if err != nil {
			return types.Object{}, fmt.Errorf("%s: %w", block.Name, err)
		}
		values[block.Name] = value
	}
	return b.node.Object(values)
}

func (b blockBinding) encode(block *Block, field reflect.Value) (attr.Value, error) {
	if field.FieldByName("Unknown").Bool() {
		return block.Unknown, nil
	}
	list := field.FieldByName("Items")
	objects := make([]types.Object, 0, list.Len())
	for i := range list.Len() {
		object, err := b.inside.encode(list.Index(i))
		if err != nil {
			return nil, err
		}
		if block.Nesting == Set && slices.ContainsFunc(objects, func(o types.Object) bool { return o.Equal(object) }) {
			continue // a set holds an item once, however often a model names it
		}
		objects = append(objects, object)
	}
	return blockOf(block, objects)
}

// decode sets the fields of a model from an object.
func (b *binding) decode(object types.Object, model reflect.Value) error {
	values := object.Attributes()
	for i, a := range b.node.Attributes {
		value, ok := values[a.Name]
		if !ok {
			value = a.Null
		}
		v := reflect.ValueOf(value)
		if field := model.Field(b.attributes[i]); v.Type() == field.Type() {
			field.Set(v)
		} else {
			return fmt.Errorf("%s: value is %s, want %s", a.Name, v.Type(), field.Type())
		}
	}
	for i, block := range b.node.Blocks {
		if err := b.blocks[i].decode(block, values[block.Name], model.Field(b.blocks[i].field)); err != nil {
			return fmt.Errorf("%s: %w", block.Name, err)
		}
	}
	return nil
}

func (b blockBinding) decode(block *Block, value attr.Value, field reflect.Value) error {
	if value == nil {
		return nil
	}
	if value.IsUnknown() {
		field.FieldByName("Unknown").SetBool(true)
		return nil
	}
	objects := items(block, value)
	if len(objects) == 0 {
		return nil
	}
	list := reflect.MakeSlice(reflect.SliceOf(b.item), len(objects), len(objects))
	for i, object := range objects {
		if object.IsUnknown() { // an item of a set that is not known: the block is not known
			field.FieldByName("Unknown").SetBool(true)
			return nil
		}
		if err := b.inside.decode(object, list.Index(i)); err != nil {
			return err
		}
	}
	field.FieldByName("Items").Set(list)
	return nil
}

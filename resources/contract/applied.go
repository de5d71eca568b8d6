package contract

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Applied is what is recorded of the last apply of an object: for each declared attribute and block a short
// fingerprint of its value, keyed where the value is sensitive. What is not known has none.
type Applied map[string]string

// Matches reports whether value is what was applied at a path of n last. Of a record that does not name the path, the
// default is what was applied, and where there is none, null.
func (a Applied) Matches(n *Node, path string, value attr.Value) bool {
	if a == nil || value.IsUnknown() {
		return false
	}
	recorded, ok := a[path]
	if !ok {
		if attribute, ok := n.attributes[path]; ok && attribute.Default != nil {
			return attribute.Default.Equal(value)
		}
		return value.IsNull() || isEmpty(value)
	}
	same := func(v attr.Value) bool { return recorded == fingerprint(v) }
	if keyed, secret := strings.CutPrefix(recorded, keyedPrefix); secret {
		key, _, _ := strings.Cut(keyed, ".")
		same = func(v attr.Value) bool { return recorded == keyedFingerprint(key, path, v) }
	}
	if b, ok := n.blocks[path]; ok && same(withoutZeros(b, value)) {
		return true
	}
	return same(value) // of a block: as records were written while zeros in it counted
}

// withoutZeros is a block in which zero values are null that mean the same as null, as the comparison has it.
func withoutZeros(b *Block, value attr.Value) attr.Value {
	less, err := mapItems(b, value, func(_ int, item map[string]attr.Value) (map[string]attr.Value, error) {
		for _, a := range b.Node.Attributes {
			if !a.zeroIsSet && isZero(item[a.Name]) {
				item[a.Name] = a.Null
			}
		}
		for _, nested := range b.Node.Blocks {
			item[nested.Name] = withoutZeros(nested, item[nested.Name])
		}
		return item, nil
	})
	if err != nil { // not of this schema: nothing in it is known to be zero
		return value
	}
	return less
}

// AppliedOf returns the record of an applied declaration, which has its defaults ([Node.WithDefaults]): not the planned
// object, in which values stand that nobody declared. sensitive names attributes and blocks whose values the
// configuration made sensitive, beside those of the schema. Values that are null, without elements, the default, or
// computed are left out, so that the record stays small.
func AppliedOf(n *Node, declared types.Object, sensitive map[string]bool) Applied {
	values := declared.Attributes()
	applied := Applied{}
	record := func(name string, v attr.Value, secret bool) {
		if secret || sensitive[name] {
			applied[name] = keyedFingerprint(newKey(), name, v)
		} else {
			applied[name] = fingerprint(v)
		}
	}
	for _, a := range n.Attributes {
		v := values[a.Name]
		if !(a.Required || a.Optional) || v.IsUnknown() || v.IsNull() || isEmpty(v) || a.Default != nil && a.Default.Equal(v) {
			continue
		}
		record(a.Name, v, a.Sensitive)
	}
	for _, b := range n.Blocks {
		if v := values[b.Name]; !v.IsUnknown() && !v.IsNull() && len(items(b, v)) > 0 {
			record(b.Name, withoutZeros(b, v), b.hasSensitive())
		}
	}
	return applied
}

// Differs names what a declaration with its defaults says otherwise than the recorded one, sorted.
func (a Applied) Differs(n *Node, declared types.Object) []string {
	now, values := AppliedOf(n, declared, nil), declared.Attributes()
	var names []string
	for name := range a {
		if !a.Matches(n, name, values[name]) {
			names = append(names, name)
		}
	}
	for name := range now {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (b *Block) hasSensitive() bool {
	for _, a := range b.Node.Attributes {
		if a.Sensitive {
			return true
		}
	}
	for _, nested := range b.Node.Blocks {
		if nested.hasSensitive() {
			return true
		}
	}
	return false
}

// fingerprint is 48 bits of a hash: enough to tell two values of one attribute apart.
func fingerprint(v attr.Value) string {
	sum := sha256.Sum256([]byte(canonical(v)))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

// keyedPrefix begins the fingerprint of a sensitive value: the prefix, its key, a dot, a hash under that key. The key
// is new for each record, so that equal secrets do not look equal and tables of hashes are of no use.
const keyedPrefix = "~"

func newKey() string {
	key := make([]byte, 9)
	_, _ = rand.Read(key) // never fails
	return base64.RawURLEncoding.EncodeToString(key)
}

func keyedFingerprint(key, path string, v attr.Value) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(path + "=" + canonical(v)))
	return keyedPrefix + key + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:6])
}

// canonical is the text of a value with the elements of sets in order.
func canonical(v attr.Value) string {
	var parts []string
	switch v := v.(type) {
	case types.Set:
		for _, e := range v.Elements() {
			parts = append(parts, canonical(e))
		}
		slices.Sort(parts)
	case types.List:
		for _, e := range v.Elements() {
			parts = append(parts, canonical(e))
		}
	case types.Object:
		for name, e := range v.Attributes() {
			if !e.IsNull() {
				parts = append(parts, name+"="+canonical(e))
			}
		}
		slices.Sort(parts)
	default:
		return v.String()
	}
	return "[" + strings.Join(parts, ",") + "]"
}

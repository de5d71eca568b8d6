package schema

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// generator makes values of schemas: what a client could send that has read the document and nothing else.
type generator struct {
	*rand.Rand
	// share of the optional fields that are set.
	share float64
	// needed are fields without which nothing is accepted; they are seldom left out.
	needed []string
	// pools are values by the field's name, and of [anyText] for texts without a pool.
	pools map[string][]any
}

// anyText is the pool of texts that have none of their own.
const anyText = "*"

// maxDepth ends schemas that contain themselves.
const maxDepth = 8

// value makes one. name is that of the field it is for.
func (g *generator) value(s *openapi3.Schema, name string, depth int) any {
	if pool := g.pools[name]; pool != nil {
		return pool[g.IntN(len(pool))]
	}
	switch {
	case s.Nullable && g.IntN(25) == 0 || depth > maxDepth:
		return nil
	case len(s.Enum) > 0:
		return s.Enum[g.IntN(len(s.Enum))]
	case s.Example != nil && g.IntN(8) == 0:
		return s.Example
	case s.Type.Is("string"):
		return g.text(s)
	case s.Type.Is("integer"):
		return g.integer(s)
	case s.Type.Is("number"):
		return g.Float64() * 100
	case s.Type.Is("boolean"):
		return g.IntN(2) == 0
	case s.Type.Is("array"):
		all := list{}
		for range g.IntN(3) {
			all = append(all, g.value(s.Items.Value, name+"[]", depth+1))
		}
		return all
	default:
		return g.object(s, name, depth)
	}
}

func (g *generator) object(s *openapi3.Schema, name string, depth int) object {
	out := object{}
	for _, part := range s.AllOf {
		if inner, ok := g.value(part.Value, name, depth+1).(object); ok {
			for key, value := range inner {
				out[key] = value
			}
		}
	}
	for _, key := range sorted(s.Properties) {
		if g.Float64() < g.share || slices.Contains(g.needed, key) && g.IntN(20) > 0 {
			out[key] = g.value(s.Properties[key].Value, key, depth+1)
		}
	}
	if extra := s.AdditionalProperties.Schema; extra != nil {
		for range g.IntN(3) {
			key := g.value(&openapi3.Schema{Type: &openapi3.Types{"string"}}, name+"{}", depth+1)
			if text, ok := key.(string); ok {
				out[text] = g.value(extra.Value, name+".*", depth+1)
			}
		}
	}
	return out
}

func (g *generator) text(s *openapi3.Schema) any {
	pool := g.pools[anyText]
	text := pool[g.IntN(len(pool))].(string)
	if s.MaxLength != nil && uint64(len(text)) > *s.MaxLength {
		text = text[:*s.MaxLength]
	}
	return text
}

// integer makes a number within the schema's bounds, often one at them.
func (g *generator) integer(s *openapi3.Schema) any {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	switch {
	case s.Format == "int32":
		low, high = math.MinInt32, math.MaxInt32
	case s.Format == "uint16":
		low, high = 0, math.MaxUint16
	case strings.HasPrefix(s.Format, "uint"):
		low, high = 0, math.MaxUint32
	}
	if s.Min != nil {
		low = int64(*s.Min)
	}
	if s.Max != nil {
		high = int64(*s.Max)
	}
	pool := []int64{0, 1, -1, 2, 10, 100, 1000, 64 << 20, 1_000_000_000, low, high}
	return min(max(pool[g.IntN(len(pool))], low), high)
}

func sorted(m openapi3.Schemas) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

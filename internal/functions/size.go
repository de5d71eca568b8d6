package functions

import (
	"context"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// units are the letters of sizes; each is 1024 of the one before.
const units = "bkmgtp"

// sizeForm is a size as docker's flags have it: a number, a letter for the unit, which may be spelled m, mb or mib.
var sizeForm = regexp.MustCompile(`^(\d{1,19}(?:\.\d{1,19})?) ?(?:b|([kmgtp])(?:i?b)?)?$`)

func parseSize() Function {
	return Function{
		Name:    "parse_size",
		Summary: "Returns the bytes of a size such as 64m or 1.5g.",
		Description: "Units are those of docker's flags, in either case, and powers of 1024:\n\n" +
			"| unit | spelled | bytes |\n|---|---|---|\n" +
			"| byte | nothing, `b` | 1 |\n| kibibyte | `k`, `kb`, `kib` | 1024 |\n| mebibyte | `m`, `mb`, `mib` | 1048576 |\n" +
			"| gibibyte | `g`, `gb`, `gib` | 1073741824 |\n| tebibyte | `t`, `tb`, `tib` | 1099511627776 |\n| pebibyte | `p`, `pb`, `pib` | 1125899906842624 |\n\n" +
			"A part of a byte is left out: `1.5b` is 1.",
		Parameters: []Parameter{{Name: "size", Description: "A number, whole or with a decimal point, and a unit.", Type: types.StringType}},
		Result:     types.Int64Type,
		Call: func(_ context.Context, arguments []attr.Value) (attr.Value, error) {
			text := str(arguments[0])
			found := sizeForm.FindStringSubmatch(strings.ToLower(text))
			if found == nil {
				return nil, wrong(0, "found %q, want a number and a unit b, k, m, g, t or p, such as 64m or 1.5g", text)
			}
			n, ok := new(big.Rat).SetString(found[1])
			if !ok {
				return nil, wrong(0, "found %q, want a number and a unit, such as 64m or 1.5g", text)
			}
			shift := max(0, strings.Index(units, found[2])) * 10 // no unit is at 0
			n.Mul(n, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(shift))))
			bytes := new(big.Int).Quo(n.Num(), n.Denom())
			if !bytes.IsInt64() {
				return nil, wrong(0, "found %q, want at most %d bytes", text, int64(math.MaxInt64))
			}
			return types.Int64Value(bytes.Int64()), nil
		},
	}
}

func buildSize() Function {
	return Function{
		Name:    "build_size",
		Summary: "Returns a number of bytes as docker's flags have it.",
		Description: "In the largest unit that gives a whole number, so that `parse_size` returns the same bytes: `64m` for 67108864, `1536m` for " +
			"1610612736, `1000b` for 1000. Units are in the table of `parse_size`.",
		Parameters: []Parameter{{Name: "bytes", Description: "Bytes, 0 or more.", Type: types.Int64Type}},
		Result:     types.StringType,
		Call: func(_ context.Context, arguments []attr.Value) (attr.Value, error) {
			given, _ := arguments[0].(types.Int64)
			n := given.ValueInt64()
			if n < 0 {
				return nil, wrong(0, "found %d bytes, want 0 or more", n)
			}
			unit := 0
			for n != 0 && n%1024 == 0 && unit < len(units)-1 {
				n, unit = n/1024, unit+1
			}
			return types.StringValue(strconv.FormatInt(n, 10) + units[unit:unit+1]), nil
		},
	}
}

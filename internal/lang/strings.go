package lang

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// text returns a function of strings.
func text(ret cty.Type, params []string, impl func(args []string) (cty.Value, error)) function.Function {
	spec := &function.Spec{
		Type: function.StaticReturnType(ret),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			given := make([]string, len(args))
			for i, arg := range args {
				given[i] = arg.AsString()
			}
			return impl(given)
		},
	}
	for _, name := range params {
		spec.Params = append(spec.Params, function.Parameter{Name: name, Type: cty.String})
	}
	return function.New(spec)
}

var startsWithFunc = text(cty.Bool, []string{"str", "prefix"}, func(args []string) (cty.Value, error) {
	return cty.BoolVal(strings.HasPrefix(args[0], args[1])), nil
})

var endsWithFunc = text(cty.Bool, []string{"str", "suffix"}, func(args []string) (cty.Value, error) {
	return cty.BoolVal(strings.HasSuffix(args[0], args[1])), nil
})

var strContainsFunc = text(cty.Bool, []string{"str", "substr"}, func(args []string) (cty.Value, error) {
	return cty.BoolVal(strings.Contains(args[0], args[1])), nil
})

// replaceFunc replaces a substring, or what a regular expression between slashes matches.
var replaceFunc = text(cty.String, []string{"str", "substr", "replace"}, func(args []string) (cty.Value, error) {
	str, substr, with := args[0], args[1], args[2]
	if len(substr) > 1 && substr[0] == '/' && substr[len(substr)-1] == '/' {
		re, err := regexp.Compile(substr[1 : len(substr)-1])
		if err != nil {
			return cty.NilVal, err
		}
		return cty.StringVal(re.ReplaceAllString(str, with)), nil
	}
	return stdlib.Replace(cty.StringVal(str), cty.StringVal(substr), cty.StringVal(with))
})

var absPathFunc = text(cty.String, []string{"path"}, func(args []string) (cty.Value, error) {
	path, err := filepath.Abs(args[0])
	return cty.StringVal(filepath.ToSlash(path)), err
})

// base64DecodeFunc decodes to text; other bytes are an error.
var base64DecodeFunc = text(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
	raw, err := base64.StdEncoding.DecodeString(args[0])
	if err != nil {
		return cty.NilVal, errors.New("the string is not base64")
	}
	if !utf8.Valid(raw) {
		return cty.NilVal, errors.New("the result of decoding the provided string is not valid UTF-8")
	}
	return cty.StringVal(string(raw)), nil
})

var base64GzipFunc = text(cty.String, []string{"str"}, func(args []string) (cty.Value, error) {
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	if _, err := gz.Write([]byte(args[0])); err != nil {
		return cty.NilVal, err
	}
	// Flushing before closing is what Terraform does; without it the bytes differ.
	if err := gz.Flush(); err != nil {
		return cty.NilVal, err
	}
	if err := gz.Close(); err != nil {
		return cty.NilVal, err
	}
	return cty.StringVal(base64.StdEncoding.EncodeToString(b.Bytes())), nil
})

var textEncodeBase64Func = text(cty.String, []string{"string", "encoding"}, func(args []string) (cty.Value, error) {
	enc, err := charset(args[1])
	if err != nil {
		return cty.NilVal, function.NewArgError(1, err)
	}
	raw, err := enc.NewEncoder().String(args[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "the string contains characters that cannot be represented in %s", args[1])
	}
	return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(raw))), nil
})

var textDecodeBase64Func = text(cty.String, []string{"source", "encoding"}, func(args []string) (cty.Value, error) {
	enc, err := charset(args[1])
	if err != nil {
		return cty.NilVal, function.NewArgError(1, err)
	}
	raw, err := base64.StdEncoding.DecodeString(args[0])
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(0, "the string is not base64")
	}
	decoded, err := enc.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
		return cty.NilVal, function.NewArgErrorf(0, "the string contains bytes that are not valid in %s", args[1])
	}
	return cty.StringVal(string(decoded)), nil
})

func charset(name string) (encoding.Encoding, error) {
	enc, err := ianaindex.IANA.Encoding(name)
	if err != nil || enc == nil {
		return nil, fmt.Errorf("%q is not a supported IANA encoding name or alias", name)
	}
	return enc, nil
}

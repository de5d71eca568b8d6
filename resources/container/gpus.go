package container

import (
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
)

const gpuCapability = "gpu"

// parseGPUs reads a request for GPUs as docker run --gpus has it: all, a number, or fields device=ID,ID (quoted when
// there are several), count=, driver=, capabilities= and options.
func parseGPUs(s string) (container.DeviceRequest, error) {
	r := container.DeviceRequest{}
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return r, errors.New("fields separated by commas, those with commas in quotes")
	}
	counted := false
	for i, field := range fields {
		key, value, found := strings.Cut(field, "=")
		if !found {
			if i > 0 {
				return r, fmt.Errorf("%q has no =", field)
			}
			key, value = "count", field
		}
		if value == "" || strings.ContainsAny(value, " \t\r\n") {
			return r, fmt.Errorf("%s has no value, or one with spaces", key)
		}
		switch key {
		case "count":
			counted = true
			if r.Count, err = gpuCount(value); err != nil {
				return r, err
			}
		case "device":
			r.DeviceIDs = strings.Split(value, ",")
		case "driver":
			r.Driver = value
		case "capabilities":
			r.Capabilities = [][]string{append(strings.Split(value, ","), gpuCapability)}
		case "options":
			r.Options = pairs(strings.Split(value, ","))
		default:
			return r, fmt.Errorf("unknown field %q", key)
		}
	}
	if counted && r.DeviceIDs != nil {
		return r, errors.New("count and device exclude each other")
	}
	if !counted && r.DeviceIDs == nil {
		r.Count = 1
	}
	if r.Capabilities == nil {
		r.Capabilities = [][]string{{gpuCapability}}
	}
	return r, nil
}

func gpuCount(s string) (int, error) {
	if s == "all" {
		return -1, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, errors.New(`"all" or a number above 0`)
	}
	return n, nil
}

// isGPURequest reports whether a device request is one that docker run --gpus makes.
func isGPURequest(r container.DeviceRequest) bool {
	return r.Driver != cdiDriver && slices.ContainsFunc(r.Capabilities, func(all []string) bool {
		return slices.Contains(all, gpuCapability)
	})
}

// formatGPUs is the inverse of parseGPUs.
func formatGPUs(r container.DeviceRequest) string {
	var fields []string
	switch {
	case len(r.DeviceIDs) > 0:
		fields = append(fields, "device="+strings.Join(r.DeviceIDs, ","))
	case r.Count == -1:
		fields = append(fields, "all")
	default:
		fields = append(fields, strconv.Itoa(r.Count))
	}
	if r.Driver != "" {
		fields = append(fields, "driver="+r.Driver)
	}
	if caps := slices.DeleteFunc(slices.Clone(slices.Concat(r.Capabilities...)), func(c string) bool { return c == gpuCapability }); len(caps) > 0 {
		fields = append(fields, "capabilities="+strings.Join(caps, ","))
	}
	if len(r.Options) > 0 {
		fields = append(fields, "options="+strings.Join(joined(r.Options), ","))
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.Write(fields); err != nil {
		return ""
	}
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

// joined returns key=value for every pair, in order.
func joined(m map[string]string) []string {
	var out []string
	for k, v := range m {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

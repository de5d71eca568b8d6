package codec

import "strconv"

// DiskUsage is the answer of GET /system/df. The newest form is system.DiskUsage: a block with totals for each kind of
// object.
var DiskUsage = &Shape{Name: "disk usage", Steps: []Step{
	{Since: v1(44), What: "images have no VirtualSize", Up: eachIn("Images", remove("VirtualSize")), Down: eachIn("Images", addVirtualSize)},
	{Since: v1(52), What: "a block for each kind", Up: liftUsage, Down: lowerUsage},
}}

// eachIn applies a step to the objects of a list.
func eachIn(key string, fn func(Object)) func(Object) {
	return func(o Object) { each(List, o[key], fn) }
}

// usageKinds are the newest form's blocks and the older one's lists.
var usageKinds = [][2]string{
	{"ImageUsage", "Images"}, {"ContainerUsage", "Containers"}, {"VolumeUsage", "Volumes"}, {"BuildCacheUsage", "BuildCache"},
}

// lowerUsage leaves the lists, and of the totals that of the images. A kind nobody asked for is not there at all.
func lowerUsage(o Object) {
	for _, kind := range usageKinds {
		block, found := o[kind[0]].(Object)
		delete(o, kind[0])
		if !found {
			continue
		}
		items, _ := block["Items"].([]any)
		if items == nil {
			items = []any{}
		}
		o[kind[1]] = items
		if kind[0] != "ImageUsage" {
			continue
		}
		o["LayersSize"] = number("0")
		if total, ok := block["TotalSize"]; ok {
			o["LayersSize"] = total
		}
	}
}

// liftUsage makes blocks of the lists. Totals that an older engine does not tell are not made up.
func liftUsage(o Object) {
	for _, kind := range usageKinds {
		items, found := o[kind[1]].([]any)
		delete(o, kind[1])
		if !found {
			continue
		}
		block := Object{}
		if len(items) > 0 {
			block["Items"] = items
			block["TotalCount"] = number(strconv.Itoa(len(items)))
		}
		if total := o["LayersSize"]; kind[0] == "ImageUsage" && integer(total) != 0 {
			block["TotalSize"] = total
		}
		o[kind[0]] = block
	}
	remove("LayersSize", "BuilderSize")(o)
}

package source

import (
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

const (
	vendorData  = "vendor-data"
	vendorData2 = "vendor-data2"
)

// vendors are the parts of a seed that are the vendor's, with the keys by which the
// owner refuses them.
var vendors = map[string]string{vendorData: "vendor_data", vendorData2: "vendor_data2"}

// dropRefused forgets what the vendor said and the owner of the machine does not
// want: vendor_data: {enabled: false}.
func (c *collector) dropRefused() {
	owner := slices.DeleteFunc(slices.Clone(c.layers), func(l cloudconfig.Layer) bool { return vendors[l.Name] != "" })
	var doc cloudconfig.Document
	if len(owner) < len(c.layers) || slices.ContainsFunc(c.scripts, func(s Script) bool { return vendors[partOf(s.From)] != "" }) {
		doc = cloudconfig.Merge(owner...).Doc
	}
	for part, key := range vendors {
		enabled := true
		if n := doc.Lookup(key, "enabled"); n != nil && n.Decode(&enabled) == nil && !enabled {
			c.dropVendor(part)
		}
	}
}

// dropVendor forgets what a part of the vendor's said, and what is wrong with it.
// Its good copies stay: it is there.
func (c *collector) dropVendor(part string) {
	c.layers = slices.DeleteFunc(c.layers, func(l cloudconfig.Layer) bool { return l.Name == part })
	c.report = slices.DeleteFunc(c.report, func(p cloudconfig.Problem) bool { return partOf(p.Pos.File) == part })
	left := slices.DeleteFunc(slices.Clone(c.scripts), func(s Script) bool { return partOf(s.From) == part })
	c.scripts = nil
	for _, s := range left {
		c.script(s.From, s.Data)
	}
}

// partOf is the part of a seed that a position is in: that of "user-data part 2
// (ec2)" is user-data.
func partOf(file string) string {
	part, _, _ := strings.Cut(file, " ")
	return part
}

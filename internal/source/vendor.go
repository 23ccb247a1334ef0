package source

import (
	"slices"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

const vendorData = "vendor-data"

// refusesVendor says whether the owner of the machine wants nothing of its
// vendor's: vendor_data: {enabled: false}.
func (c *collector) refusesVendor() bool {
	isVendor := func(l cloudconfig.Layer) bool { return l.Name == vendorData }
	if !slices.ContainsFunc(c.layers, isVendor) && !slices.ContainsFunc(c.scripts, Script.ofVendor) {
		return false
	}
	owner := slices.DeleteFunc(slices.Clone(c.layers), isVendor)
	n := cloudconfig.Merge(owner...).Doc.Lookup("vendor_data", "enabled")
	enabled := true
	return n != nil && n.Decode(&enabled) == nil && !enabled
}

// dropVendor forgets what vendor-data said, and what is wrong with it. Its good
// copies stay: it is there.
func (c *collector) dropVendor() {
	c.layers = slices.DeleteFunc(c.layers, func(l cloudconfig.Layer) bool { return l.Name == vendorData })
	c.report = slices.DeleteFunc(c.report, func(p cloudconfig.Problem) bool { return strings.HasPrefix(p.Pos.File, vendorData) })
	own := slices.DeleteFunc(slices.Clone(c.scripts), Script.ofVendor)
	c.scripts = nil
	for _, s := range own {
		c.script(s.From, s.Data)
	}
}

func (s Script) ofVendor() bool { return strings.HasPrefix(s.From, vendorData) }

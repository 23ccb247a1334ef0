package source

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/ros-os/ros/cloudconfig"
)

// unreadableParts reports user-data of which nothing could be taken, and uses the
// good copies of what it was made of.
func (c *collector) unreadableParts(whole part, found cloudconfig.Report) {
	c.copies.unsure = append(c.copies.unsure, whole.key)
	whole.parse = parsePart
	keys := c.partCopies(whole.key)
	if len(keys) == 0 {
		c.useCopy(whole, found)
		return
	}
	for _, key := range keys {
		if _, ok := c.takeCopy(part{key: key, name: whole.name, parse: parsePart}); ok {
			found[0].Hint = "the last good copies of its parts are used"
		}
	}
	c.report = append(c.report, found...)
}

// partCopies are the keys of the copies of numbered parts, in their order.
func (c *collector) partCopies(key string) []string {
	kept, _ := os.ReadDir(c.copies.path("")) // without copies there is nothing to use
	var keys []string
	for _, e := range kept {
		if strings.HasPrefix(e.Name(), key+".") {
			keys = append(keys, e.Name())
		}
	}
	slices.SortFunc(keys, compareNumbered)
	return keys
}

// compareNumbered puts user-data.2 in front of user-data.10.
func compareNumbered(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(a, b string) int {
		m, errA := strconv.Atoi(a)
		n, errB := strconv.Atoi(b)
		if errA != nil || errB != nil {
			return strings.Compare(a, b)
		}
		return cmp.Compare(m, n)
	})
}

package servicectl

import (
	"fmt"
	"slices"
	"strings"
)

// named are the services that a person means by a name: the service itself, the
// containers of one that is several, or those of a project. The caller holds the
// mutex.
func (c *Controller) named(name string) ([]string, error) {
	names := c.desired.Project.Wanted(name)
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: %q", ErrUnknown, name)
	}
	return names, nil
}

// meant are the services that a person means by several names, and the names, which
// services may have had that are no more.
func (c *Controller) meant(names []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := slices.Clone(names)
	for _, name := range names {
		out = append(out, c.desired.Project.Wanted(name)...)
	}
	return out
}

// notOne says why a name does not mean one container. The caller holds the mutex.
func (c *Controller) notOne(name string) error {
	if names, err := c.named(name); err == nil {
		return fmt.Errorf("%w: %q is several containers: %s", ErrUnknown, name, strings.Join(names, ", "))
	}
	return fmt.Errorf("%w: %q", ErrUnknown, name)
}

// Called says whether a person may mean the service by a name: "shop-web-1",
// "shop/web" or "shop".
func (s ServiceStatus) Called(name string) bool {
	return s.Name == name || s.Of != "" && s.Of == name || s.Project != "" && s.Project == name
}

package source

import (
	"slices"
	"time"
)

// serviceCopies begins the keys of service files' copies. A layer or a compose file
// has no such key, and a service file has any name.
const serviceCopies = "services/"

// ServiceFile is a file of the user's, below [ConfDir], that rancher.services_include
// enables.
type ServiceFile struct {
	Path   string
	Key    string // of rancher.services_include
	Data   []byte // as it was read
	Broken bool   // nothing of it can be used, as the report says
}

// WithServices is the reading with the service files that its configuration enables.
// When that is not sure to be all of it, files that it does not name keep their copies.
func (r Reading) WithServices(files []ServiceFile, sure bool) Reading {
	c := r.copies
	c.present, c.unsure = slices.Clone(c.present), slices.Clone(c.unsure)
	for _, f := range files {
		c.present = append(c.present, f.copyKey())
		if !f.Broken {
			c.services = append(c.services, part{key: f.copyKey(), file: f.Path, data: f.Data})
		}
	}
	if !sure {
		c.unsure = append(c.unsure, serviceCopies)
	}
	r.copies = c
	return r
}

func (f ServiceFile) copyKey() string { return serviceCopies + copyKey(f.Path) }

// LastGood is the text of the service file below root when the machine last converged
// with it, and since when there is that copy.
func (f ServiceFile) LastGood(root string) (text []byte, kept time.Time, ok bool) {
	return copies{root: root}.read(f.copyKey())
}

package plan

import (
	"cmp"
	"time"
)

// deadline is how long a step may take; what takes longer has failed.
func deadline(s Step) Seconds {
	switch s.Verb {
	case Pull:
		return Seconds(time.Hour)
	case Load:
		return Seconds(10 * time.Minute)
	case Stop:
		return cmp.Or(s.Grace, Seconds(defaultGrace)) + Seconds(time.Minute)
	case Create, CreateNext, Rename, Start, Kill, Unpause, Remove, Tag, NetworkCreate, NetworkRemove, VolumeCreate:
	}
	return Seconds(2 * time.Minute)
}

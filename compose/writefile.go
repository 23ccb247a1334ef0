package compose

import (
	"github.com/compose-spec/compose-go/v2/types"
)

// mountFiles mounts the files of write_files that are for this service's
// container. They are on the machine before they are mounted: a container that is
// made before its files waits for them.
func (b *builder) mountFiles(d *draft) {
	if d.project != nil {
		return // its services have the names of others
	}
	var mounts []types.ServiceVolumeConfig
	for _, f := range b.cfg.WriteFiles {
		if f.Service() == d.name {
			mounts = append(mounts, types.ServiceVolumeConfig{
				Type: types.VolumeTypeBind, Source: f.HostPath(), Target: f.Path,
				Bind: &types.ServiceVolumeBind{},
			})
		}
	}
	d.svc.Spec.Volumes = addMounts(d.svc.Spec.Volumes, mounts)
}

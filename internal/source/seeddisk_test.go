package source

import (
	"reflect"
	"testing"
)

func TestADiskThatNamesAnAddressIsNotAllThereIs(t *testing.T) {
	plain := Seed{MetaData: []byte("instance-id: a\n"), UserData: []byte("#cloud-config\n")}
	leads := Seed{MetaData: []byte("instance-id: a\nseedfrom: https://example.com/\n"), UserData: []byte("#cloud-config\n")}
	for _, tt := range []struct {
		name, datasource string
		seed             Seed
		want             Record
	}{
		{"a disk that has all", "nocloud", plain, Record{State: Settled, Source: "nocloud", Disk: true}},
		{"one that names an address", "nocloud", leads, Record{State: Asking}},
		{"a config drive names none", "configdrive", leads, Record{State: Settled, Source: "configdrive", Disk: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			got, err := SaveDisk(root, tt.datasource, tt.seed)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("the record is %+v, %v", got, err)
			}
			disk, found, err := ReadDisk(root)
			if err != nil || found != (tt.want.State == Asking) || found && !reflect.DeepEqual(disk, tt.seed) {
				t.Errorf("the disk's are %v, %v, %v", disk, found, err)
			}
			if layers, report := Layers(root); len(report) > 0 || len(layers) < 2 {
				t.Errorf("the disk's own documents are not used: %v, %v", layers, report)
			}
		})
	}
}

package source

import (
	"os"
	"path/filepath"
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

func TestAConfigDriveHasTwoSetsOfTheVendors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "openstack/latest")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"meta_data.json", "vendor_data.json", "vendor_data2.json"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"name": "`+name+`"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := ReadSeed(filepath.Dir(filepath.Dir(dir)))
	if err != nil || string(s.VendorData) != `{"name": "vendor_data.json"}` || string(s.VendorData2) != `{"name": "vendor_data2.json"}` {
		t.Errorf("%s, %s, %v", s.VendorData, s.VendorData2, err)
	}
}

package cloudconfig

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFormsOfValues decodes values that may be written in several ways.
func TestFormsOfValues(t *testing.T) {
	t.Parallel()
	yes := true
	tests := []struct {
		name, path, text string
		want             any
	}{
		{"users are names and maps", "users", "users: [default, ann, {name: ben, lock-passwd: true}, [cleo, dan]]", Users{
			{Name: "default"}, {Name: "ann"}, {Name: "ben", LockPasswd: &yes}, {Name: "cleo"}, {Name: "dan"},
		}},
		{"users are a text with commas", "users", "users: ann, ben", Users{{Name: "ann"}, {Name: "ben"}}},
		{"a user is a name", "user", "user: ann", User{Name: "ann"}},
		{"a user's number is a text", "users.0", "users: [{name: ann, uid: '1000'}]", User{Name: "ann", UID: new(1000)}},
		{"a user is a map", "user", "user: {name: ann, uid: 1000}", User{Name: "ann", UID: new(1000)}},
		{"groups of a user are a list", "users.0.groups", "users: [{name: a, groups: [docker, sudo]}]", Words{"docker", "sudo"}},
		{"groups of a user are a text", "users.0.groups", "users: [{name: a, groups: 'docker, sudo'}]", Words{"docker", "sudo"}},
		{"groups of a user are keys", "users.0.groups", "users: [{name: a, groups: {docker: null, sudo: null}}]", Words{"docker", "sudo"}},
		{"sudo is a rule", "users.0.sudo", "users: [{name: a, sudo: 'ALL=(ALL) ALL'}]", Texts{"ALL=(ALL) ALL"}},
		{"sudo is false", "users.0.sudo", "users: [{name: a, sudo: false}]", Texts{"false"}},
		{"groups are names and maps", "groups", "groups: [admins: [ann, ben], 'x, y']", Groups{
			{Name: "admins", Members: []string{"ann", "ben"}}, {Name: "x"}, {Name: "y"},
		}},
		{"groups are a map", "groups", "groups: {admins: 'ann, ben', empty: []}", Groups{
			{Name: "admins", Members: []string{"ann", "ben"}}, {Name: "empty", Members: []string{}},
		}},
		{"groups are a text", "groups", "groups: a, b", Groups{{Name: "a"}, {Name: "b"}}},
		{"passwords are lines", "chpasswd.list", "chpasswd: {list: \"ann:x\\nben:y\\n\"}", Texts{"ann:x\nben:y\n"}},
		{"a layout is true", "disk_setup./dev/sdb.layout", "disk_setup: {/dev/sdb: {layout: true}}", Layout{Whole: true}},
		{"a layout is remove", "disk_setup./dev/sdb.layout", "disk_setup: {/dev/sdb: {layout: remove}}", Layout{Remove: true}},
		{"a layout is sizes and types", "disk_setup./dev/sdb.layout", "disk_setup: {/dev/sdb: {layout: [33, [67, 82]]}}", Layout{
			Partitions: []Partition{{Percent: 33}, {Percent: 67, Type: "82"}},
		}},
		{"a mount has empty fields", "mounts.0", "mounts: [[LABEL=x, null]]", Mount{"LABEL=x", ""}},
		{"defaults of mounts", "mount_default_fields", "mount_default_fields: [null, null, auto, x, 0, 2]", MountDefaults{"", "", "auto", "x", "0", "2"}},
		{"a condition is true", "power_state.condition", "power_state: {mode: halt, condition: true}", Command{Shell: "true"}},
		{"a condition is a list", "power_state.condition", "power_state: {mode: halt, condition: [test, 1]}", Command{Args: []string{"test", "1"}}},
		{"a delay is a number", "power_state.delay", "power_state: {mode: halt, delay: 5}", "5"},
		{"true in a list of words", "manage_etc_hosts", "manage_etc_hosts: yes", "true"},
		{"true in a list of words, between quotes", "ssh_pwauth", `ssh_pwauth: "True"`, "true"},
		{"no in a list of words, between quotes", "ssh_pwauth", "ssh_pwauth: 'no'", "false"},
		{"who is a user of Snap alone is not made", "users", "users: [ann, {snapuser: joe@example.com}, {name: ben, snapuser: b}]", Users{
			{Name: "ann"}, {Name: "ben", SnapUser: "b"},
		}},
		{"off in a list of words", "growpart.mode", "growpart: {mode: off}", "off"},
		{"certificates by the older name", "ca_certs.remove_defaults", "ca-certs: {remove-defaults: true}", true},
		{"the network is disabled", "network.config", "network: {config: disabled}", NetworkItems{Disabled: true}},
		{"name servers of version 1", "network.config.0.address", "network: {version: 1, config: [{type: nameserver, address: 9.9.9.9}]}", Texts{"9.9.9.9"}},
		{"a VLAN of version 2", "network.vlans.v.id", "network: {version: 2, vlans: {v: {id: 7, link: eth0}}}", 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, report := Merge(layer(t, "user-data", tt.text)).Config()
			require.NoError(t, report.Err())
			require.Equal(t, tt.want, valueAt(t, reflect.ValueOf(c), schemaRoot, strings.Split(tt.path, ".")))
		})
	}
}

// valueAt follows a path through the types.
func valueAt(t *testing.T, v reflect.Value, p place, path []string) any {
	t.Helper()
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if len(path) == 0 {
		return v.Interface()
	}
	if items, ok := v.Interface().(NetworkItems); ok {
		v = reflect.ValueOf(items.Items)
	}
	switch v.Kind() {
	case reflect.Map:
		return valueAt(t, v.MapIndex(reflect.ValueOf(path[0])), p.child(path[0]), path[1:])
	case reflect.Slice:
		return valueAt(t, v.Index(int(path[0][0]-'0')), p.child(path[0]), path[1:])
	default:
		f, ok := p.shape.fields().byKey[path[0]]
		require.True(t, ok, path[0])
		return valueAt(t, v.FieldByIndex(f.index), p.child(path[0]), path[1:])
	}
}

// TestKeysOfCloudInitAreKnown has every top-level key of cloud-init 26.2.
func TestKeysOfCloudInitAreKnown(t *testing.T) {
	t.Parallel()
	for key := range strings.FieldsSeq(`allow_public_ssh_keys ansible apk_repos apt apt_pipelining apt_reboot_if_required
		apt_update apt_upgrade authkey_hash autoinstall bootcmd byobu_by_default ca-certs ca_certs chef chpasswd
		cloud_config_modules cloud_final_modules cloud_init_modules create_hostname_file device_aliases disable_ec2_metadata
		disable_root disable_root_opts disk_setup drivers fan final_message fqdn fs_setup groups growpart grub-dpkg grub_dpkg
		hostname keyboard landscape launch-index locale locale_configfile lxd manage_etc_hosts manage_resolv_conf mcollective
		merge_how merge_type migrate mount_default_fields mounts no_ssh_fingerprints ntp output package_reboot_if_required
		package_update package_upgrade packages password phone_home power_state prefer_fqdn_over_hostname preserve_hostname
		puppet random_seed reporting resize_rootfs resolv_conf rh_subscription rsyslog runcmd salt_minion snap spacewalk ssh
		ssh_authorized_keys ssh_deletekeys ssh_fp_console_blacklist ssh_genkeytypes ssh_import_id ssh_key_console_blacklist
		ssh_keys ssh_publish_hostkeys ssh_pwauth ssh_quiet_keygen swap system_info timezone ubuntu_advantage ubuntu_pro updates
		user users vendor_data version wireguard write_files yum_repo_dir yum_repos zypper`) {
		require.NoError(t, Validate(layer(t, "user-data", key+": null")).Err(), key)
	}
}

func TestKeysThatOnlyAllLayersTogetherNeed(t *testing.T) {
	t.Parallel()
	low, high := layer(t, "user-data", "phone_home: {url: 'https://x/y'}"), layer(t, "cloud-config", "phone_home: {tries: 3}")
	require.NoError(t, Validate(high).Err(), "the other layer has the address")
	_, report := Merge(low, high).Config()
	require.NoError(t, report.Err())
	_, report = Merge(high).Config()
	require.ErrorContains(t, report.Err(), `phone_home: key "url" is missing`)
}

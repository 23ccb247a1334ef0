package cloudconfig

import "gopkg.in/yaml.v3"

// Config is the typed, merged, validated configuration: what the machine should
// be. It is built once by [Merged.Config] and never changed afterwards.
//
// The types of the files config*.go are the one description of what may be
// written. Strict decoding, redaction, the JSON Schema and the reference page
// all come from them:
//
//   - the comment of a field describes its key; an indented block in it is an
//     example, which is tested
//   - yaml is the key, also an older spelling of it
//   - format, enum, min, max, items and keys say what the value must look like
//     (of a list its items, of a map its values; keys are the map's own)
//   - required, default and secret are what they say
//   - from names the system that the key and all below it come from
//
// Which keys are not applied is in one table, notApplied.
type Config struct {
	// The machine's name. Without it the datasource's name is used, then
	// rancher.defaults.hostname.
	//
	//	hostname: web1
	Hostname string `yaml:"hostname" format:"hostname" from:"RancherOS"`

	// Public keys that may log in over SSH as the users rancher and docker, and
	// as the one that user names. Those
	// of the datasource are added to them.
	//
	//	ssh_authorized_keys:
	//	  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample ann@laptop
	SSHAuthorizedKeys []string `yaml:"ssh_authorized_keys" from:"RancherOS"`

	// Files to write, in this order, at boot and when the list changes. One that is
	// taken out of the list stays as it is.
	//
	//	write_files:
	//	  - path: /etc/motd
	//	    permissions: "0644"
	//	    content: |
	//	      This machine makes itself.
	//	  - path: /opt/app/key
	//	    owner: rancher:docker
	//	    permissions: "0600"
	//	    encoding: base64
	//	    content: c2VjcmV0Cg==
	WriteFiles []WriteFile `yaml:"write_files" from:"RancherOS"`

	// File systems to mount: device, folder, type and options, as in fstab; a
	// shorter list is filled up from mount_default_fields. RancherOS takes exactly
	// four fields. What is taken out of the list is unmounted; what cannot be mounted
	// is tried again. Console and User Docker see it wherever it is, but below
	// /proc and /sys; for a folder outside of /mnt, /media, /home, /opt, /root, /tmp,
	// /var and /run both are recreated when it is added or taken out. User Docker
	// starts once the disks among them are mounted, or after 15 seconds; it waits for
	// no server.
	//
	//	mounts:
	//	  - [LABEL=data, /mnt/data, ext4, "noatime"]
	//	  - ["nas.example.com:/media", /mnt/media, nfs4, "ro,nolock"]
	Mounts []Mount `yaml:"mounts" from:"RancherOS"`

	// Commands for the machine, in this order, once all else is applied: a text for
	// the shell or a list of arguments. They hold up nothing, User Docker neither:
	// what needs it begins with "ros wait docker". One that fails holds up no other.
	// Each has a shell of its own: a cd or an export ends with it. Those that are added
	// later run in the next boot.
	// How often they run is rancher.cloud_init.runcmd; what they say is in
	// /var/log/cloud-init-output.log, which is put aside at 8 MiB. INSTANCE_ID is the instance's id.
	//
	//	runcmd:
	//	  - echo hello > /run/hello
	//	  - [modprobe, nbd, max_part=8]
	RunCmd []Command `yaml:"runcmd" from:"RancherOS"`

	// Commands as in runcmd, in every boot before disks are set up and mounted. Each
	// may take five minutes. "cloud-init-per instance NAME" or "cloud-init-per once
	// NAME" before a command runs it once for each instance, or once for all.
	//
	//	bootcmd:
	//	  - [sysctl, -w, vm.overcommit_memory=1]
	BootCmd []Command `yaml:"bootcmd" from:"RancherOS"`

	// Everything that is this system's own: services, Docker, network, state.
	Rancher Rancher `yaml:"rancher" from:"RancherOS"`

	HostConfig
	UserConfig
	TimeConfig
	DiskConfig
	FinalConfig

	merged Merged // for positions of values
}

// WriteFile is a file to write at boot.
type WriteFile struct {
	// Where the file is written, from the root. Folders are made as needed, and belong
	// to the owner of the file. Console and User Docker see them wherever they are;
	// both are recreated when the first file in a folder such as /srv is added. They do
	// not see a file that is in no folder.
	Path string `yaml:"path" format:"file" required:"true"`
	// What is in the file, in its encoding.
	Content string `yaml:"content" secret:"true"`
	// How content is written here; it is undone before the file is written.
	Encoding string `yaml:"encoding" enum:"b64|base64|gz|gz+b64|gz+base64|gzip|gzip+b64|gzip+base64|text/plain" default:"text/plain"`
	// User, or user:group, by name or number.
	Owner string `yaml:"owner" format:"owner" default:"root:root"`
	// Permissions in octal digits.
	Permissions string `yaml:"permissions" format:"permissions" default:"0644"`
	// The system service in whose container the file is; console and host are the
	// machine itself.
	Container string `yaml:"container" default:"console"`
	// Add to the end of the file rather than replace it, unless the lines are there.
	Append bool `yaml:"append" default:"false" from:"cloud-init"`
	// Write the file once disks and mounts are there.
	Defer bool `yaml:"defer" default:"false" from:"cloud-init"`
	// Where to get the content from, over https, once for each boot; content is
	// used until it has come, and when it does not.
	Source FileSource `yaml:"source" from:"cloud-init"`
}

// FileSource says where the content of a file is fetched from.
type FileSource struct {
	// The address of the content, which is used as it comes, whatever encoding says.
	URI string `yaml:"uri" format:"url"`
	// Headers of the request.
	Headers map[string]string `yaml:"headers" secret:"true"`
}

// Command is a shell line (one element, Shell set) or an argument vector.
type Command struct {
	Shell string
	Args  []string
}

// Mount is a line of fstab: device, folder, type, options, and perhaps the two
// numbers. A field that is null in the configuration is "".
type Mount []string

// Services are service definitions by name, in compose v1 keys or today's
// compose specification; package compose gives them their meaning.
type Services map[string]Definition

// Definition is one service as written, with its positions.
type Definition struct {
	Name string
	Node *yaml.Node // the mapping below the service's name
	Doc  Document   // for Doc.Pos of any node below Node
}

// Free is a value of any shape, as written; nil is nothing.
type Free struct {
	Node *yaml.Node
}

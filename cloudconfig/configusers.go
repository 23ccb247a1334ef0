package cloudconfig

// UserConfig are cloud-init's keys for users, groups, passwords and SSH.
type UserConfig struct {
	// Users to make or change: a name, default for the one the system has anyway,
	// rancher, unless user names another, or a map. Who is taken out of the list is locked, and his files stay.
	//
	//	users:
	//	  - default
	//	  - name: ann
	//	    gecos: Ann Example
	//	    groups: [docker, sudo]
	//	    sudo: "ALL=(ALL) NOPASSWD:ALL"
	//	    shell: /bin/bash
	//	    ssh_authorized_keys:
	//	      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample ann@laptop
	Users Users `yaml:"users" from:"cloud-init"`
	// The user that default stands for: changes to rancher, or, by another name, one
	// that is made. He may do what rancher may, unless groups says otherwise, and has
	// ssh_authorized_keys and password; rancher stays as it is.
	//
	//	user: ann
	User *User `yaml:"user" from:"cloud-init"`
	// Groups to make: a name, or a name with its members.
	//
	//	groups:
	//	  - developers: [ann, ben]
	//	  - guests
	Groups Groups `yaml:"groups" from:"cloud-init"`
	// Passwords of users that exist. One that is made (RANDOM), or that its user must
	// change, is set once for each instance: later boots have the same, or the one that
	// the user has chosen.
	//
	//	chpasswd:
	//	  expire: false
	//	  users:
	//	    - {name: ann, password: "$6$salt$hash", type: hash}
	Chpasswd Chpasswd `yaml:"chpasswd" from:"cloud-init"`
	// Password of the user that default stands for: text or a crypt hash. See
	// rancher.password for this system's own key.
	Password string `yaml:"password" secret:"true" from:"cloud-init"`
	// Let users log in over SSH with their password.
	SSHPwauth string `yaml:"ssh_pwauth" enum:"true|false|unchanged" from:"cloud-init"`
	// Keep root from logging in over SSH.
	DisableRoot *bool `yaml:"disable_root" default:"true" from:"cloud-init"`
	// What is put before root's keys when root may not log in.
	DisableRootOpts string `yaml:"disable_root_opts" from:"cloud-init"`
	// Accounts elsewhere whose public keys may log in as the users rancher and
	// docker, and the one of user: gh: for GitHub, lp: for Launchpad. They are fetched once for each boot;
	// when that fails, those that came before are used.
	//
	//	ssh_import_id: [gh:ann]
	SSHImportID Texts `yaml:"ssh_import_id" format:"import-id" from:"cloud-init"`
	// The machine's own keys: rsa, ecdsa or ed25519, with _private, _public or
	// _certificate behind. See rancher.ssh.keys for this system's own key.
	SSHKeys map[string]string `yaml:"ssh_keys" keys:"host-key" secret:"true" from:"cloud-init"`
	// Make new host keys where those that are there were made for another instance,
	// such as the one from which the disk was copied.
	SSHDeleteKeys *bool `yaml:"ssh_deletekeys" default:"true" from:"cloud-init"`
	// Types of host keys to make, and the only ones that are used besides those of
	// the configuration. Without it one of ed25519 is made, and all that are there
	// are used.
	SSHGenKeyTypes []string `yaml:"ssh_genkeytypes" enum:"rsa|ecdsa|ed25519" ended:"dsa" from:"cloud-init"`
	// Take public keys from the datasource's meta-data.
	AllowPublicSSHKeys *bool `yaml:"allow_public_ssh_keys" default:"true" from:"cloud-init"`
	// Do not print the making of host keys.
	SSHQuietKeygen bool `yaml:"ssh_quiet_keygen" default:"false" from:"cloud-init"`
}

// User is a user to make or change. In the configuration it is also written as
// its name alone.
type User struct {
	// Name to log in with.
	Name string `yaml:"name" format:"user" required:"true"`
	// Who that is.
	Gecos string `yaml:"gecos"`
	// Group of the user's files; one of the user's name by default.
	PrimaryGroup string `yaml:"primary_group,primary-group" format:"user"`
	// Further groups: a list, or names with commas between.
	Groups Words `yaml:"groups" format:"user"`
	// Make the groups that do not exist.
	CreateGroups *bool `yaml:"create_groups,create-groups" default:"true"`
	// Make no group of the user's name.
	NoUserGroup bool `yaml:"no_user_group,no-user-group" default:"false"`
	// Rules for sudo, without the name; false is none.
	Sudo Texts `yaml:"sudo"`
	// Rules for doas.
	Doas []string `yaml:"doas"`
	// The program that a login runs.
	Shell string `yaml:"shell" format:"path"`
	// Home folder; /home and the name by default. A folder elsewhere that is there
	// stays whose it is.
	Homedir string `yaml:"homedir" format:"path"`
	// Make no home folder.
	NoCreateHome bool `yaml:"no_create_home,no-create-home" default:"false"`
	// Do not log in with a password.
	LockPasswd *bool `yaml:"lock_passwd,lock-passwd" default:"true"`
	// Crypt hash of the password of a user that is made.
	Passwd string `yaml:"passwd" secret:"true"`
	// Crypt hash of the password, also of a user that exists.
	HashedPasswd string `yaml:"hashed_passwd,hashed-passwd" secret:"true"`
	// The password itself, also of a user that exists. A hash is safer.
	PlainTextPasswd string `yaml:"plain_text_passwd,plain-text-passwd" secret:"true"`
	// Public keys that may log in.
	SSHAuthorizedKeys []string `yaml:"ssh_authorized_keys,ssh-authorized-keys"`
	// Accounts elsewhere whose public keys may log in, as in ssh_import_id.
	SSHImportID Texts `yaml:"ssh_import_id,ssh-import-id" format:"import-id"`
	// Refuse logins over SSH, and name the user that default stands for.
	SSHRedirectUser bool `yaml:"ssh_redirect_user,ssh-redirect-user" default:"false"`
	// A user for programs, without home folder.
	System bool `yaml:"system" default:"false"`
	// Number of the user.
	UID *int `yaml:"uid" min:"0" quoted:"true"`
	// Day on which the account ends, as 2030-12-31.
	ExpireDate string `yaml:"expiredate" format:"date"`
	// Days after the password's end until the account is locked.
	Inactive Inactive `yaml:"inactive" format:"number"`
	// Do not note logins.
	NoLogInit bool `yaml:"no_log_init,no-log-init" default:"false"`
	// SELinux user of a login.
	SelinuxUser string `yaml:"selinux_user,selinux-user"`
	// Mail address of a Snap account to make the user from. Who has nothing but this is
	// not made.
	SnapUser string `yaml:"snapuser"`
}

// Group is a group to make, with the users that are put into it.
type Group struct {
	Name    string
	Members []string
}

// Chpasswd sets passwords.
type Chpasswd struct {
	// Let users choose a new password at their next login.
	Expire *bool `yaml:"expire" default:"true"`
	// Users and their passwords.
	Users []UserPassword `yaml:"users"`
	// Older form of users: lines of name:password.
	List Texts `yaml:"list" format:"name-password" secret:"true"`
}

// UserPassword is the password of one user.
type UserPassword struct {
	// Name of the user.
	Name string `yaml:"name" format:"user" required:"true"`
	// The password, as type says.
	Password string `yaml:"password" secret:"true"`
	// A crypt hash, the text itself, or RANDOM for one that is made and shown.
	Type string `yaml:"type" enum:"hash|text|RANDOM" default:"hash"`
}

// Inactive is a number of days. cloud-init's documentation once had true, which says
// nothing.
type Inactive string

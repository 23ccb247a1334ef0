package cloudconfig

// FinalConfig are cloud-init's keys for the end of the first boot, and a few
// that fit nowhere else.
type FinalConfig struct {
	// Power off or restart the machine once it is set up.
	//
	//	power_state: {mode: poweroff, delay: now, condition: [test, -e, /run/done]}
	PowerState PowerState `yaml:"power_state" from:"cloud-init"`
	// What is logged once the machine is set up.
	FinalMessage string `yaml:"final_message" from:"cloud-init"`
	// An address to tell, once the machine is set up.
	//
	//	phone_home: {url: "https://fleet.example.com/up/$INSTANCE_ID", post: [hostname, fqdn]}
	PhoneHome PhoneHome `yaml:"phone_home" from:"cloud-init"`
	// Randomness for the kernel, which a new machine has little of.
	RandomSeed RandomSeed `yaml:"random_seed" from:"cloud-init"`
	// How lists of this layer are merged with those of lower ones: replaced, which
	// is the default, or appended.
	//
	//	merge_how: "list(append)+dict(recurse_array)+str()"
	MergeHow MergeHow `yaml:"merge_how" default:"list()+dict()+str()" from:"cloud-init"`
	// The same as merge_how.
	MergeType MergeHow `yaml:"merge_type" default:"list()+dict()+str()" from:"cloud-init"`
}

// PowerState ends the first boot with the machine off or restarted.
type PowerState struct {
	// What to do.
	Mode string `yaml:"mode" enum:"poweroff|reboot|halt" required:"merged"`
	// Minutes to wait, or now.
	Delay string `yaml:"delay" format:"delay" default:"now"`
	// What users are told.
	Message string `yaml:"message"`
	// Seconds to wait for the set-up to end.
	Timeout int `yaml:"timeout" min:"0" default:"30"`
	// true, false, or a command that must succeed.
	Condition Command `yaml:"condition" default:"true"`
}

// PhoneHome tells an address that the machine is up.
type PhoneHome struct {
	// The address; $INSTANCE_ID is replaced.
	URL string `yaml:"url" format:"url" required:"merged"`
	// What is told: all, or a list.
	Post Texts `yaml:"post" enum:"all|pub_key_rsa|pub_key_ecdsa|pub_key_ed25519|instance_id|hostname|fqdn" ended:"pub_key_dsa" default:"all"`
	// How often it is tried.
	Tries int `yaml:"tries" min:"0" default:"10"`
}

// RandomSeed adds to the kernel's randomness.
type RandomSeed struct {
	// Where it is written.
	File string `yaml:"file" format:"path" default:"/dev/urandom"`
	// What is written.
	Data string `yaml:"data" secret:"true"`
	// How data is written here.
	Encoding string `yaml:"encoding" enum:"raw|base64|b64|gzip|gz" default:"raw"`
	// A command that adds more.
	Command []string `yaml:"command"`
	// It is an error when that command is not there.
	CommandRequired bool `yaml:"command_required" default:"false"`
}

package cloudconfig

// TimeConfig are cloud-init's keys for clock, language and keyboard.
type TimeConfig struct {
	// Where the time comes from; names of the datasource and of DHCP are used where
	// none are given.
	//
	//	ntp:
	//	  servers: [ntp.example.com]
	//	  pools: [0.pool.ntp.org, 1.pool.ntp.org]
	NTP NTP `yaml:"ntp" from:"cloud-init"`
	// Time zone, as a file below /usr/share/zoneinfo.
	//
	//	timezone: Europe/Berlin
	Timezone string `yaml:"timezone" format:"timezone" default:"UTC" from:"cloud-init"`
	// Language of messages.
	//
	//	locale: de_DE.UTF-8
	Locale string `yaml:"locale" format:"locale" from:"cloud-init"`
	// The file that the language is written to.
	LocaleConfigfile string `yaml:"locale_configfile" format:"path" from:"cloud-init"`
	// The keyboard at the machine.
	//
	//	keyboard: {layout: de, variant: nodeadkeys}
	Keyboard Keyboard `yaml:"keyboard" from:"cloud-init"`
}

// NTP says where the time comes from.
type NTP struct {
	// Set the clock.
	Enabled *bool `yaml:"enabled" default:"true"`
	// Names or addresses of time servers.
	Servers []string `yaml:"servers" format:"host"`
	// Names that stand for several servers each.
	Pools []string `yaml:"pools" format:"host"`
	// Machines that set each other's clock.
	Peers []string `yaml:"peers" format:"host"`
	// Networks that may ask this machine.
	Allow []string `yaml:"allow" format:"cidr"`
	// The program that sets the clock. This system has chrony.
	NTPClient string `yaml:"ntp_client" default:"auto"`
	// How that program is configured and installed elsewhere.
	Config NTPConfig `yaml:"config"`
}

// NTPConfig changes how cloud-init configures a time program.
type NTPConfig struct {
	// Path of its configuration.
	ConfPath string `yaml:"confpath" format:"path"`
	// The program to look for.
	CheckExe string `yaml:"check_exe"`
	// Packages to install.
	Packages []string `yaml:"packages"`
	// Its service.
	ServiceName string `yaml:"service_name"`
	// Template of its configuration.
	Template string `yaml:"template"`
}

// Keyboard is the keyboard at the machine, in the words of X.
type Keyboard struct {
	// Layout, such as de.
	Layout string `yaml:"layout" required:"merged"`
	// Model.
	Model string `yaml:"model" default:"pc105"`
	// Variant of the layout.
	Variant string `yaml:"variant"`
	// Options, with commas between.
	Options string `yaml:"options"`
}

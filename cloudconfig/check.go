package cloudconfig

import (
	"gopkg.in/yaml.v3"
)

// checks look at single values, by pattern of path. A check returns what is
// wrong and what to do about it; an empty msg is fine. No check sees an empty
// text, which means "not set" everywhere.
var checks = map[string]func(value string) (msg, hint string){
	"hostname":                                   checkHostname,
	"rancher.defaults.hostname":                  checkHostname,
	"write_files.*.path":                         checkFilePath,
	"write_files.*.permissions":                  checkPermissions,
	"write_files.*.encoding":                     checkEncoding,
	"write_files.*.owner":                        checkOwner,
	"rancher.network.dhcp_timeout":               checkNotNegative,
	"rancher.network.dns.nameservers.*":          checkIP,
	"rancher.network.dns.search.*":               checkDomain,
	"rancher.network.interfaces.*.address":       checkPrefix,
	"rancher.network.interfaces.*.addresses.*":   checkPrefix,
	"rancher.network.interfaces.*.gateway":       checkIP,
	"rancher.network.interfaces.*.gateway_ipv6":  checkIPv6,
	"rancher.network.interfaces.*.mtu":           checkMTU,
	"rancher.network.interfaces.*.vlans":         checkVlans,
	"rancher.defaults.network.dns.nameservers.*": checkIP,
	"rancher.defaults.network.dhcp_timeout":      checkNotNegative,
	"rancher.ssh.port":                           checkPort,
	"rancher.ssh.listen_address":                 checkListen,
	"rancher.state.directory":                    checkDirectory,
	"rancher.state.dev":                          checkDevice,
	"rancher.state.autoformat.*":                 checkDevice,
	"rancher.shutdown_timeout":                   checkShutdownTimeout,
	"rancher.docker.bip":                         checkPrefix,
	"rancher.system_docker.bip":                  checkPrefix,
	"rancher.registry_auths.*.auth":              checkAuth,
	"rancher.http_load_retries":                  checkNotNegative,
}

// keyChecks look at the keys of maps, by pattern of the value's path.
var keyChecks = map[string]func(key string) (msg, hint string){
	"rancher.environment.*": checkVariable,
	"rancher.sysctl.*":      checkSysctl,
}

// check runs the check of a value; it returns false after an error.
func (d *decoder) check(n *yaml.Node, value string, at spot) bool {
	f := checks[at.pattern]
	if f == nil || value == "" {
		return true
	}
	msg, hint := f(value)
	if msg != "" {
		d.fail(n, at, msg, hint)
	}
	return msg == ""
}

func (d *decoder) checkKey(key *yaml.Node, at spot) bool {
	f := keyChecks[at.pattern]
	if f == nil {
		return true
	}
	msg, hint := f(key.Value)
	if msg != "" {
		d.fail(key, at, msg, hint)
	}
	return msg == ""
}

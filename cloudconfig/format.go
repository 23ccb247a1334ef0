package cloudconfig

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

// format is what a text has to look like. The same pattern is used here and in
// the JSON Schema; check, where there is one, decides in Go and finds better
// words. A test holds the two together.
type format struct {
	name    string
	means   string // "an IP address"
	hint    string // "such as …"
	example string
	pattern string // of regular expressions that Go and JavaScript read alike
	max     int    // most characters, 0 is any number
	numbers numbers
	from    int64 // of whole numbers the least
	to      int64 // and the greatest, 0 is any
	check   func(f *format, value string) (msg, hint string)
	inGo    string // what only check sees, and not the pattern

	re func() *regexp.Regexp // pattern, for a whole text
}

// numbers says which numbers may stand without quotes where a text belongs.
// Where a text has no format, any number may, and true and false.
type numbers int

const (
	noNumber  numbers = iota
	whole             // whole numbers that are not negative
	anyNumber         // also those with fractions
)

// formats by the name that the tags format and keys call them by.
var formats = sync.OnceValue(func() map[string]*format {
	all := map[string]*format{
		"cidr":          {means: "an address with the length of its network", example: "192.168.1.2/24", pattern: either(ipv4+`/(3[0-2]|[12]?[0-9])`, ipv6+`/(12[0-8]|1[01][0-9]|[1-9]?[0-9])`), check: checkPrefix},
		"date":          {means: "a day", hint: "such as 2030-12-31", example: "2030-12-31", pattern: `[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])`},
		"delay":         {means: "a number of minutes", hint: "a number, or now", example: "5", pattern: `now|\+?[0-9]+`, numbers: whole},
		"destination":   {means: "a network", hint: "default, or such as 10.0.0.0/8", example: "default", pattern: either("default", "0/0", network)},
		"device":        {means: "a device", hint: "a path such as /dev/sda, or LABEL=… or UUID=…", example: "LABEL=data", pattern: `/[^\x00]*|(LABEL|UUID|PARTLABEL|PARTUUID)=[^\n]+`},
		"domain":        {means: "a domain", example: "example.com", pattern: `[^ \t\n/]+`, max: 253},
		"domain-name":   {means: "a name with its domain", hint: "letters, digits and hyphens, with dots between parts", example: "web1.example.com", pattern: names + `\.?`, max: 253, numbers: anyNumber},
		"file":          {means: "the path of a file", example: "/etc/motd", pattern: `/[^\x00]*[^/\x00]`, check: checkFilePath},
		"folder":        {means: "a folder", example: "ros", pattern: `(` + notUp + `)(/(` + notUp + `))*`, check: checkDirectory},
		"host":          {means: "a name or an address", example: "ntp.example.com", pattern: either(names, ipv4, ipv6zone), max: 64, numbers: anyNumber, check: checkHost},
		"host-key":      {means: "a host key", hint: "rsa, ecdsa or ed25519, with _private, _public or _certificate behind", example: "ed25519_private", pattern: `(dsa|rsa|ecdsa|ed25519)_(private|public|certificate)`},
		"hostname":      {means: "a host name", example: "web1", pattern: names, max: maxHostname, numbers: anyNumber, check: checkHostname},
		"import-id":     {means: "an account", hint: "such as gh:ann on GitHub, or lp:ann on Launchpad", example: "gh:ann", pattern: `((gh|github|lp):)?[A-Za-z0-9._@+-]+`},
		"interface":     {means: "the name of an interface", hint: "at most 15 characters", example: "eth0", pattern: `[^ \t\n/]+`, max: 15},
		"ip":            {means: "an IP address", example: "192.168.1.1", pattern: either(ipv4, ipv6zone), check: checkIP},
		"ipv6":          {means: "an IPv6 address", example: "fe80::1", pattern: ipv6zone, check: checkIPv6},
		"listen":        {means: "an address and a port", hint: "such as 127.0.0.1:9273, or :9273 for all addresses", example: "127.0.0.1:9273", pattern: `(` + either(names, ipv4, `\[(`+ipv6+`)\]`) + `)?:` + port},
		"locale":        {means: "a locale", hint: "such as de_DE.UTF-8", example: "de_DE.UTF-8", pattern: `[A-Za-z0-9_.@-]+`},
		"mac":           {means: "a hardware address", hint: "such as 52:54:00:12:34:56", example: "52:54:00:12:34:56", pattern: `[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5,19}`},
		"name-password": {means: "lines of name:password", example: "ann:secret", pattern: `\n*[^\n:]+:[^\n]+(\n+[^\n:]+:[^\n]+)*\n*`},
		"nameserver":    {means: "an IP address", example: "192.168.1.1", pattern: either(network, ipv6zone)},
		"netmask":       {means: "the mask of a network", hint: "such as 255.255.255.0 or 24", example: "255.255.255.0", pattern: either(ipv4, ipv6, `/?[0-9]{1,3}`), numbers: whole, to: 999},
		"network":       {means: "an address or a network", hint: "such as 10.0.0.0/8", example: "10.0.0.0/8", pattern: network},
		"number":        {means: "a number", example: "30", pattern: `[0-9]+`, numbers: whole},
		"owner":         {means: "an owner", hint: "user or user:group", example: "root:docker", pattern: `[A-Za-z0-9_.][A-Za-z0-9_.-]*(:[A-Za-z0-9_.-]*)?`, numbers: whole},
		"partition":     {means: "a partition", hint: "its number, or auto, any or none", example: "1", pattern: `auto|any|none|[0-9]+`, numbers: whole},
		"path":          {means: "a path", hint: "it begins with /", example: "/home/ann", pattern: `/[^\x00]*`},
		"permissions":   {means: "permissions", hint: "octal digits, such as \"0644\"", example: "0644", pattern: `(0o)?[0-7]{1,5}`, numbers: whole, to: 77777, check: checkPermissions},
		"registry-auth": {means: "the base64 form of user:password", hint: "or write username and password", example: "YW5uOnNlY3JldA==", pattern: `[A-Za-z0-9+/\n\r]+=?[\n\r]*=?[\n\r]*`, check: checkAuth, inGo: "that it has a colon once it is decoded"},
		"sha256":        {means: "a SHA-256 sum", hint: "64 hexadecimal digits", example: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", pattern: `[0-9A-Fa-f]{64}`},
		"size":          {means: "a size", hint: "such as 512M or 1.5G, or auto", example: "1G", pattern: `auto|([0-9]+)?\.?[0-9]+[BKMGT]?`, numbers: anyNumber},
		"sysctl":        {means: "a kernel setting", hint: "such as net.ipv4.ip_forward", example: "net.ipv4.ip_forward", pattern: `[A-Za-z0-9_-]+([./][A-Za-z0-9_:@*-]+)*`},
		"timezone":      {means: "a time zone", hint: "such as Europe/Berlin", example: "Europe/Berlin", pattern: `[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*`},
		"url":           {means: "an address of the web", hint: "such as https://example.com/x", example: "https://example.com/x", pattern: `[A-Za-z][A-Za-z0-9+.-]*:[^ \t\n]+`},
		"user":          {means: "the name of a user or a group", hint: "letters, digits, and _ . -, at most 32", example: "ann", pattern: `[A-Za-z_][A-Za-z0-9_.-]*\$?`, max: 32},
		"variable":      {means: "the name of a variable", example: "PATH", pattern: `[^=\x00 \t\n\r\f\v]+`},
		"vlans":         {means: "a VLAN", hint: "number or number:name, with commas between, numbers from 1 to 4094", example: "100,200:storage", pattern: vlan + `(,` + vlan + `)*`, numbers: whole, from: 1, to: 4094, check: checkVlans},
	}
	for name, f := range all {
		f.name = name
		f.re = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^(" + f.pattern + ")$") })
	}
	return all
})

// Parts of patterns.
const (
	hostLabel = `[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?` // "_" is common, and the kernel takes it
	names     = hostLabel + `(\.` + hostLabel + `)*`
	notUp     = `[^/.][^/]*|\.([^/.][^/]*)?|\.\.[^/]+|` // a part of a path that is not ".."
	vlan      = ` *0*(409[0-4]|40[0-8][0-9]|[1-3][0-9]{3}|[1-9][0-9]{0,2})(:[A-Za-z0-9_.-]{1,15})? *`

	port = `(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})`

	octet = `(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	ipv4  = octet + `(\.` + octet + `){3}`
	h16   = `[0-9A-Fa-f]{1,4}`
	ls32  = `(` + h16 + `:` + h16 + `|` + ipv4 + `)`
	ipv6  = `(` + // as in RFC 3986
		`(` + h16 + `:){6}` + ls32 +
		`|::(` + h16 + `:){5}` + ls32 +
		`|(` + h16 + `)?::(` + h16 + `:){4}` + ls32 +
		`|((` + h16 + `:){0,1}` + h16 + `)?::(` + h16 + `:){3}` + ls32 +
		`|((` + h16 + `:){0,2}` + h16 + `)?::(` + h16 + `:){2}` + ls32 +
		`|((` + h16 + `:){0,3}` + h16 + `)?::` + h16 + `:` + ls32 +
		`|((` + h16 + `:){0,4}` + h16 + `)?::` + ls32 +
		`|((` + h16 + `:){0,5}` + h16 + `)?::` + h16 +
		`|((` + h16 + `:){0,6}` + h16 + `)?::` + `)`
	ipv6zone = ipv6 + `(%[^\n]+)?`
	network  = ipv4 + `(/(3[0-2]|[12]?[0-9]))?|` + ipv6 + `(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?`
)

func either(patterns ...string) string { return strings.Join(patterns, "|") }

// wrong says what is wrong with a value, and what to do about it; an empty msg
// is fine. Nothing in it shows the value of a secret.
func (f *format) wrong(value string, secret bool) (msg, hint string) {
	switch {
	case f.check != nil:
		msg, hint = f.check(f, value)
	case f.max > 0 && len(value) > f.max || !f.matches(value):
		return f.isNot(value, secret)
	}
	if msg != "" && secret {
		return f.isNot(value, secret)
	}
	return msg, hint
}

// isNot says that a value is not of this format.
func (f *format) isNot(value string, secret bool) (msg, hint string) {
	if secret {
		return "is not " + f.means, f.hint
	}
	return fmt.Sprintf("%q is not %s", withoutPassword(value), f.means), f.hint
}

// takes says whether a value that is not written as a text may stand for one.
func (f *format) takes(n *yaml.Node) bool {
	switch n.ShortTag() {
	case "!!bool":
		return false
	case "!!int":
		i, err := strconv.ParseInt(n.Value, 0, 64)
		return f.numbers != noNumber && (err != nil || i >= f.from && (f.to == 0 || i <= f.to))
	case "!!float":
		return f.numbers == anyNumber && !strings.HasPrefix(n.Value, "-")
	}
	return true
}

// matches says whether a value has the pattern.
func (f *format) matches(value string) bool { return f.re().MatchString(value) }

// schema describes the format in JSON Schema.
func (f *format) schema() *jsonSchema {
	s := &jsonSchema{
		Description: strings.ToUpper(f.means[:1]) + f.means[1:] + ".", Examples: []any{f.example},
		Type: types("string", "null"), Pattern: f.forSchema(), MaxLength: f.max,
	}
	if f.numbers == noNumber {
		return s
	}
	s.Minimum = &f.from
	if f.to != 0 {
		s.Maximum = &f.to
	}
	s.Type = types("string", map[numbers]string{whole: "integer", anyNumber: "number"}[f.numbers], "null")
	return s
}

// forSchema is the pattern as the JSON Schema has it: an empty text is not set,
// and fine everywhere.
func (f *format) forSchema() string { return "^(" + f.pattern + ")?$" }

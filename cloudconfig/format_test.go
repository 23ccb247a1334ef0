package cloudconfig

import (
	"net/netip"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestPatternsSayWhatChecksSay holds the patterns of the JSON Schema to the
// checks in Go.
func TestPatternsSayWhatChecksSay(t *testing.T) {
	t.Parallel()
	for name, f := range formats() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			msg, _ := f.wrong(f.example, false)
			require.Empty(t, msg, "the example")
			published := regexp.MustCompile(f.forSchema())
			require.True(t, published.MatchString(""), "nothing is not set")
			rapid.Check(t, func(t *rapid.T) {
				value := rapid.OneOf(rapid.StringMatching(f.pattern), mutants(f.example), rapid.String()).Draw(t, "value")
				if value == "" {
					return
				}
				msg, _ := f.wrong(value, false)
				matches := published.MatchString(value) && (f.max == 0 || len(value) <= f.max)
				if f.inGo != "" && matches {
					return // the check may still find something
				}
				require.Equal(t, matches, msg == "", "%q: %s", value, msg)
			})
		})
	}
}

// mutants are texts that differ from another in one place.
func mutants(text string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		from := rapid.IntRange(0, len(text)).Draw(t, "from")
		to := rapid.IntRange(from, min(from+2, len(text))).Draw(t, "to")
		return text[:from] + rapid.StringMatching(`[a-z0-9./:,%_ \n-]{0,2}`).Draw(t, "in") + text[to:]
	})
}

func TestPatternsOfAddresses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
		for i := range a {
			if rapid.Bool().Draw(t, "zero") {
				a[i] = 0
			}
		}
		addr, _ := netip.AddrFromSlice(a[:rapid.SampledFrom([]int{4, 16}).Draw(t, "length")])
		bits := rapid.IntRange(0, addr.BitLen()).Draw(t, "bits")
		for _, text := range []string{addr.String(), addr.StringExpanded()} {
			require.True(t, formats()["ip"].matches(text), text)
			require.Equal(t, addr.Is6(), formats()["ipv6"].matches(text), text)
		}
		prefix := netip.PrefixFrom(addr, bits).String()
		require.True(t, formats()["cidr"].matches(prefix), prefix)
	})
}

func TestSecretsAreNotInMessages(t *testing.T) {
	t.Parallel()
	report := Validate(layer(t, "user-data", `
chpasswd: {list: [s3cret], users: [{name: "s3cret user", password: [s3cret]}]}
rancher: {registry_auths: {x: {auth: s3cret, email: [s3cret]}, y: {auth: 53}}, docker: {environment: s3cret, server_key: [s3cret], host: "tcp://ann:s3cret@x"}}
phone_home: {url: "http://ann:s3cret@x /y"}
`))
	require.Len(t, report, 10)
	for _, p := range report {
		if p.Path != "chpasswd.users.0.name" {
			require.NotContains(t, p.Msg+p.Hint, "s3cret")
			require.NotContains(t, p.Msg+p.Hint, "53")
		}
	}
}

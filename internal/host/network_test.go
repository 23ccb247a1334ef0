package host

import (
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/net/dns/dnsmessage"
)

func request(t *testing.T, kind dhcpv4.MessageType, mac net.HardwareAddr, modifiers ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	m, err := dhcpv4.New(append(modifiers, dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(kind))...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEachInterfaceIsOfferedItsOwnAddress(t *testing.T) {
	spec := &Spec{ID: "00010203", NICs: 2}
	for nic, want := range []string{"10.99.0.10", "10.99.0.11"} {
		reply, err := offer(spec, request(t, dhcpv4.MessageTypeDiscover, spec.mac(nic)))
		if err != nil || reply == nil {
			t.Fatalf("interface %d: %v, %v", nic, reply, err)
		}
		if reply.YourIPAddr.String() != want || reply.MessageType() != dhcpv4.MessageTypeOffer ||
			len(reply.DNS()) != 1 || len(reply.Router()) != 1 || reply.IPAddressLeaseTime(0) != leaseTime {
			t.Errorf("interface %d: %s", nic, reply.Summary())
		}
	}
}

func TestAnswersToDHCPRequests(t *testing.T) {
	spec := &Spec{ID: "00010203", NICs: 1}
	ask := func(ip string) dhcpv4.Modifier {
		return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(ip)))
	}
	stranger := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for _, row := range []struct {
		name    string
		request *dhcpv4.DHCPv4
		want    dhcpv4.MessageType // none: silence
	}{
		{"its own address is granted", request(t, dhcpv4.MessageTypeRequest, spec.mac(0), ask("10.99.0.10")), dhcpv4.MessageTypeAck},
		{"another address is denied", request(t, dhcpv4.MessageTypeRequest, spec.mac(0), ask("10.99.0.99")), dhcpv4.MessageTypeNak},
		{"a renewal is granted", request(t, dhcpv4.MessageTypeRequest, spec.mac(0)), dhcpv4.MessageTypeAck},
		{"a stranger is not answered", request(t, dhcpv4.MessageTypeDiscover, stranger), dhcpv4.MessageTypeNone},
		{"a release is not answered", request(t, dhcpv4.MessageTypeRelease, spec.mac(0)), dhcpv4.MessageTypeNone},
	} {
		t.Run(row.name, func(t *testing.T) {
			reply, err := offer(spec, row.request)
			got := dhcpv4.MessageTypeNone
			if reply != nil {
				got = reply.MessageType()
			}
			if err != nil || got != row.want {
				t.Errorf("got %s, %v; want %s", got, err, row.want)
			}
		})
	}
}

func TestNamesOnTheSwitch(t *testing.T) {
	names := map[string]netip.Addr{"switch": switchAddress(), "a": address(0)}
	for _, row := range []struct {
		name string
		kind dnsmessage.Type
		code dnsmessage.RCode
		want string
	}{
		{"a.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, "10.99.0.10"},
		{"Switch.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, "10.99.0.1"},
		{"a.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, ""},
		{"example.org.", dnsmessage.TypeA, dnsmessage.RCodeNameError, ""},
	} {
		question := dnsmessage.Question{Name: dnsmessage.MustNewName(row.name), Type: row.kind, Class: dnsmessage.ClassINET}
		query := dnsmessage.Message{Header: dnsmessage.Header{ID: 7}, Questions: []dnsmessage.Question{question}}
		packed, err := query.Pack()
		if err != nil {
			t.Fatal(err)
		}
		answer, err := resolve(names, packed)
		if err != nil {
			t.Fatal(err)
		}
		var reply dnsmessage.Message
		if err := reply.Unpack(answer); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range reply.Answers {
			if body, ok := a.Body.(*dnsmessage.AResource); ok {
				got = netip.AddrFrom4(body.A).String()
			}
		}
		if got != row.want || reply.RCode != row.code || reply.ID != 7 || !reply.Response {
			t.Errorf("%s %s: %q, %s", row.name, row.kind, got, reply.RCode)
		}
	}
}

func FuzzResolve(f *testing.F) {
	f.Add([]byte("\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, query []byte) {
		reply, err := resolve(map[string]netip.Addr{"a": address(0)}, query)
		var message dnsmessage.Message
		if err == nil && message.Unpack(reply) != nil {
			t.Errorf("the answer to %q cannot be read", query)
		}
	})
}

package host

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/server4"
	"github.com/sirupsen/logrus"
)

const leaseTime = time.Hour

// dhcpServer offers each interface of one machine its one address.
type dhcpServer struct {
	spec   *Spec
	server *server4.Server
	log    *logrus.Logger
	done   chan struct{}
}

func serveDHCP(spec *Spec, log *logrus.Logger) (*dhcpServer, error) {
	d := &dhcpServer{spec: spec, log: log, done: make(chan struct{})}
	var err error
	d.server, err = server4.NewServer(switchName, &net.UDPAddr{Port: dhcpv4.ServerPort}, d.answer)
	if err != nil {
		return nil, fmt.Errorf("cannot serve DHCP on the machine's switch: %w", err)
	}
	go func() {
		defer close(d.done)
		_ = d.server.Serve() // ends when close takes its socket away
	}()
	return d, nil
}

func (d *dhcpServer) close() error {
	err := d.server.Close()
	<-d.done
	if err != nil {
		return fmt.Errorf("cannot stop the DHCP server: %w", err)
	}
	return nil
}

func (d *dhcpServer) answer(conn net.PacketConn, peer net.Addr, request *dhcpv4.DHCPv4) {
	reply, err := offer(d.spec, request)
	if err == nil && reply != nil {
		_, err = conn.WriteTo(reply.ToBytes(), peer)
	}
	if err != nil {
		d.log.WithError(err).Warn("cannot answer a DHCP request")
	}
}

// offer decides the answer to one request; nil is silence.
func offer(spec *Spec, request *dhcpv4.DHCPv4) (*dhcpv4.DHCPv4, error) {
	yours, known := lease(spec, request.ClientHWAddr)
	if !known || request.OpCode != dhcpv4.OpcodeBootRequest {
		return nil, nil
	}
	kind := dhcpv4.MessageTypeOffer
	switch request.MessageType() {
	case dhcpv4.MessageTypeDiscover:
	case dhcpv4.MessageTypeRequest:
		kind = dhcpv4.MessageTypeAck
		if wanted := request.RequestedIPAddress(); wanted != nil && !wanted.Equal(yours.AsSlice()) {
			return dhcpv4.NewReplyFromRequest(request, dhcpv4.WithMessageType(dhcpv4.MessageTypeNak),
				dhcpv4.WithServerIP(switchAddress().AsSlice()))
		}
	case dhcpv4.MessageTypeInform:
		kind = dhcpv4.MessageTypeAck
	default:
		return nil, nil
	}
	self := net.IP(switchAddress().AsSlice())
	return dhcpv4.NewReplyFromRequest(request,
		dhcpv4.WithMessageType(kind),
		dhcpv4.WithYourIP(yours.AsSlice()),
		dhcpv4.WithServerIP(self),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(self)),
		dhcpv4.WithNetmask(net.CIDRMask(switchPrefix().Bits(), 32)),
		dhcpv4.WithRouter(self),
		dhcpv4.WithDNS(self),
		dhcpv4.WithLeaseTime(uint32(leaseTime.Seconds())))
}

func lease(spec *Spec, mac net.HardwareAddr) (netip.Addr, bool) {
	for nic := range spec.NICs {
		if bytes.Equal(mac, spec.mac(nic)) {
			return address(nic), true
		}
	}
	return netip.Addr{}, false
}

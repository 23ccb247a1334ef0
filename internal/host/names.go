package host

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers for the two names on a machine's switch, "switch" and the
// machine's own, and denies all others at once instead of letting them time out.
type nameServer struct {
	conn  net.PacketConn
	names map[string]netip.Addr
	done  chan struct{}
}

func serveNames(ctx context.Context, spec *Spec, log *logrus.Logger) (*nameServer, error) {
	var config net.ListenConfig
	conn, err := config.ListenPacket(ctx, "udp4", netip.AddrPortFrom(switchAddress(), 53).String())
	if err != nil {
		return nil, fmt.Errorf("cannot serve names on the machine's switch: %w", err)
	}
	s := &nameServer{
		conn: conn, done: make(chan struct{}),
		names: map[string]netip.Addr{switchName: switchAddress(), spec.Name: address(0)},
	}
	go s.serve(log)
	return s, nil
}

func (s *nameServer) close() error {
	err := s.conn.Close()
	<-s.done
	if err != nil {
		return fmt.Errorf("cannot stop the name server: %w", err)
	}
	return nil
}

func (s *nameServer) serve(log *logrus.Logger) {
	defer close(s.done)
	buf := make([]byte, 1500)
	for {
		n, peer, err := s.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		reply, err := resolve(s.names, buf[:n])
		if err != nil {
			log.WithError(err).Debug("cannot understand a DNS query")
			continue
		}
		if _, err := s.conn.WriteTo(reply, peer); err != nil {
			log.WithError(err).Warn("cannot answer a DNS query")
		}
	}
}

// resolve answers one query out of names.
func resolve(names map[string]netip.Addr, query []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(query)
	if err != nil {
		return nil, fmt.Errorf("cannot read a query: %w", err)
	}
	question, err := parser.Question()
	if err != nil {
		return nil, fmt.Errorf("cannot read a query: %w", err)
	}
	message := dnsmessage.Message{
		Header: dnsmessage.Header{
			ID: header.ID, Response: true, Authoritative: true,
			RecursionDesired: header.RecursionDesired, RecursionAvailable: true,
		},
		Questions: []dnsmessage.Question{question},
	}
	addr, known := names[strings.TrimSuffix(strings.ToLower(question.Name.String()), ".")]
	switch {
	case !known:
		message.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA:
		message.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.AResource{A: addr.As4()},
		}}
	}
	reply, err := message.Pack()
	if err != nil {
		return nil, fmt.Errorf("cannot write an answer: %w", err)
	}
	return reply, nil
}

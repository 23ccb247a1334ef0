package datasource

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// TFTP, RFC 1350: what an acknowledgement looks like, and how long one waits.
const (
	tftpRead  = 1
	tftpData  = 3
	tftpAck   = 4
	tftpError = 5

	tftpBlock   = 512
	tftpPatient = 2 * time.Second
	tftpTries   = 5
)

// openTFTP is a file on a TFTP server: tftp:host[:port]/path. The protocol has no
// encryption, so it is for the machine's own link, or where http is allowed, too.
func openTFTP(o opening) (Datasource, error) {
	text := strings.TrimPrefix(o.arg, "//")
	host, path, found := strings.Cut(text, "/")
	if !found || host == "" || path == "" {
		return nil, errors.New("it needs a server and a path: tftp:192.168.1.1/user-data")
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), "69"
	}
	if !o.web.allowHTTP && !isLocal(name) {
		return nil, fmt.Errorf("%s has no encryption: set rancher.cloud_init.allow_http to use it", name)
	}
	server := net.JoinHostPort(name, port)
	return &address{shown: text, fetch: func(ctx context.Context) ([]byte, error) { return getTFTP(ctx, server, path) }}, nil
}

// getTFTP reads a file in octet mode.
func getTFTP(ctx context.Context, server, path string) (data []byte, err error) {
	to, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		return nil, fmt.Errorf("cannot find %s: %w", server, err)
	}
	conn, err := net.ListenUDP("udp", nil)
	if err != nil {
		return nil, fmt.Errorf("cannot ask %s: %w", server, err)
	}
	defer func() { _ = conn.Close() }() // nothing is kept back in it
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	t := tftp{conn: conn, peer: to}
	request := append(binary.BigEndian.AppendUint16(nil, tftpRead), path+"\x00octet\x00"...)
	for block := uint16(1); ; block++ {
		part, err := t.exchange(request, block)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", server, path, err)
		}
		if data = append(data, part...); len(data) > maxAnswer {
			return nil, permanentError{fmt.Errorf("%s/%s is longer than the %d bytes that are allowed", server, path, maxAnswer)}
		}
		request = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, tftpAck), block)
		if len(part) < tftpBlock {
			_, err = conn.WriteToUDP(request, t.peer) // should it be lost, the server gives up by itself
			return data, err
		}
	}
}

// tftp is one transfer. After the first answer the peer is the port that the
// server has for it.
type tftp struct {
	conn   *net.UDPConn
	peer   *net.UDPAddr
	chosen bool
}

// exchange sends until the block that is waited for comes.
func (t *tftp) exchange(request []byte, block uint16) ([]byte, error) {
	var err error
	for range tftpTries {
		if _, err = t.conn.WriteToUDP(request, t.peer); err != nil {
			return nil, unreachable{err}
		}
		var data []byte
		if data, err = t.await(block); err == nil {
			return data, nil
		}
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			return nil, err
		}
	}
	return nil, unreachable{err}
}

// await reads packets until the block comes; old blocks and strangers are nothing
// to us.
func (t *tftp) await(block uint16) ([]byte, error) {
	if err := t.conn.SetReadDeadline(time.Now().Add(tftpPatient)); err != nil {
		return nil, err
	}
	packet := make([]byte, 4+tftpBlock+1)
	for {
		n, from, err := t.conn.ReadFromUDP(packet)
		if err != nil {
			return nil, err
		}
		if !from.IP.Equal(t.peer.IP) || t.chosen && from.Port != t.peer.Port {
			continue
		}
		data, err := parseTFTP(packet[:n], block)
		if errors.Is(err, errOtherBlock) {
			continue
		}
		t.peer, t.chosen = from, true
		return data, err
	}
}

var errOtherBlock = errors.New("another block")

// parseTFTP reads a packet that may be the block that is waited for.
func parseTFTP(packet []byte, block uint16) ([]byte, error) {
	if len(packet) < 4 {
		return nil, errOtherBlock
	}
	switch binary.BigEndian.Uint16(packet) {
	case tftpData:
		if binary.BigEndian.Uint16(packet[2:]) != block || len(packet) > 4+tftpBlock {
			return nil, errOtherBlock
		}
		return packet[4:], nil
	case tftpError:
		text, _, _ := bytes.Cut(packet[4:], []byte{0})
		if binary.BigEndian.Uint16(packet[2:]) == 1 {
			return nil, errAbsent
		}
		return nil, fmt.Errorf("the server refuses: %q", text)
	}
	return nil, errOtherBlock
}

package setting

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// imageBundle has the authorities that the image trusts.
	imageBundle = "/usr/share/ca-certificates/ca-certificates.crt"
	// bundle is where programs look for authorities.
	bundle = "/etc/ssl/certs/ca-certificates.crt"
)

// certificates makes the bundle of authorities that programs trust: the image's
// and the configuration's. What is no certificate is left out and told.
func (p *pass) certificates(context.Context) {
	image, err := p.m.read(imageBundle)
	if err != nil {
		p.fail(err, "ca_certs")
		return
	}
	c := p.cfg.CACerts
	if len(c.Trusted) == 0 && !c.RemoveDefaults {
		p.forgetCertificates(image)
		return
	}
	var b strings.Builder
	if !c.RemoveDefaults {
		b.WriteString(image)
	}
	for i, text := range c.Trusted {
		if err := checkCertificates(text); err != nil {
			p.fail(err, "ca_certs", "trusted", strconv.Itoa(i))
			continue
		}
		b.WriteString(strings.TrimSpace(text) + "\n")
	}
	p.putText(bundle, b.String(), "ca_certs")
}

// forgetCertificates puts the image's bundle back, where there was another.
func (p *pass) forgetCertificates(image string) {
	now, err := p.m.read(bundle)
	if err != nil || now == image || now == "" || image == "" {
		p.fail(err, "ca_certs")
		return
	}
	p.putText(bundle, image, "ca_certs")
}

func checkCertificates(text string) error {
	rest, found := []byte(strings.TrimSpace(text)), false
	for len(rest) > 0 {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return errors.New("cannot trust this certificate: it is not PEM")
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("cannot trust this certificate: it is a %s", strings.ToLower(block.Type))
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("cannot trust this certificate: %w", err)
		}
		found = true
	}
	if !found {
		return errors.New("cannot trust this certificate: it is empty")
	}
	return nil
}

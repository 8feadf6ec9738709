// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
)

// verifyUnnamed verifies a server as package tls does, but for the name.
func verifyUnnamed(cfg *tls.Config) func(tls.ConnectionState) error {
	next, roots := cfg.VerifyConnection, cfg.RootCAs
	return func(s tls.ConnectionState) error {
		opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
		for _, c := range s.PeerCertificates[1:] {
			opts.Intermediates.AddCert(c)
		}
		chains, err := s.PeerCertificates[0].Verify(opts)
		if err != nil {
			return err
		}
		s.VerifiedChains = chains
		if next != nil {
			return next(s)
		}
		return nil
	}
}

// checkPeerName looks whether the certificate that a peer showed is for the host part of its node name. The name comes
// after the handshake of TLS, so a caller's cannot be looked at any earlier.
func (t *Transport) checkPeerName(conn net.Conn, node string) error {
	c, ok := conn.(*tlsConn)
	if !ok || t.cfg.TLS.SkipNames {
		return nil
	}
	s := c.ConnectionState()
	if len(s.PeerCertificates) == 0 || (len(s.VerifiedChains) == 0 && t.cfg.TLS.Provider == nil) {
		return nil // nothing was asked for, so nothing is proved by it
	}
	_, host, _ := strings.Cut(node, "@")
	if err := s.PeerCertificates[0].VerifyHostname(host); err != nil {
		return fmt.Errorf("%w: the certificate of %.64q is not for its host: %w", ErrTLS, node, err)
	}
	return nil
}

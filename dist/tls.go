// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// TLS says how links are encrypted, as Erlang does under -proto_dist inet_tls. All nodes of a cluster must be configured alike:
// nothing announces which of them speak TLS. The cookie counts as before.
//
// Both sides of a link show a certificate, each checks that the other's is signed by an authority it knows, and that
// it names the host part of the other's node name, as a DNS name or an IP address (a node b@10.0.0.7 needs the address
// 10.0.0.7 in its certificate; for Erlang, which looks for it there, also as a DNS name). So who has the certificate of one host cannot pass for a node of another. Versions 1.2 and 1.3.
//
// Take 1.3 where all peers have it: an Erlang node with 1.2 wants a new handshake after 2^28 records, and a link that it made
// to us ends then, as Go's server side refuses that.
//
// Files are looked at for each handshake, and read again when they have changed: to rotate certificates, replace the files.
// Links that are up go on. If what is new cannot be read, that is logged and the old is used on.
type TLS struct {
	// CertFile has the certificate of this node and what leads to the authority, KeyFile its key, CAFile the authorities that
	// certificates of peers must be signed by. All three are PEM and needed.
	CertFile, KeyFile, CAFile string
	// OptFile is used in place of these: a file as for Erlang's -ssl_dist_optfile, with other files named in it. Peers
	// are verified unless it says verify_none; what Banyan does not support in it is an error that names it.
	OptFile string
	// Provider is used in place of files. It is called for each handshake, with accept when a node has called; the
	// configuration is copied. It decides about verification, but callers must show a certificate unless Anonymous is
	// set, versions below 1.2 are never spoken, and the host is looked for in the certificate of the peer unless SkipNames is set.
	Provider func(accept bool) (*tls.Config, error)
	// Anonymous lets nodes call that have no certificate; one that is shown is verified. The cookie is their only proof then.
	Anonymous bool
	// SkipNames does not look whether a certificate names the peer's host: each node of the authority can then pass for
	// each other.
	SkipNames bool
}

// ErrTLS: a connection could not be encrypted, or the peer could not prove by its certificate who it is. The text says which;
// package x509's errors are found by errors.As.
var ErrTLS = errors.New("dist: tls")

// validate lists what is wrong with c.
func (c *TLS) validate() error {
	files := 0
	for _, f := range []string{c.CertFile, c.KeyFile, c.CAFile} {
		if f != "" {
			files++
		}
	}
	switch {
	case c.Provider != nil && (files > 0 || c.OptFile != ""), c.OptFile != "" && files > 0:
		return errors.New("give files, or OptFile, or Provider, and not two of them")
	case c.Provider == nil && c.OptFile == "" && files < 3:
		return errors.New("CertFile, KeyFile and CAFile are needed, all three")
	}
	return nil
}

// role is what one side of a link, the caller's or the called one's, needs to know.
type role struct {
	cert, key, ca string
	verify        bool // the peer's certificate must be signed by an authority of ca
	optional      bool // the peer need not have one
	min, max      uint16
	depth         int // how many certificates may be between the peer's and the authority's; -1: any
}

// roles is what c says for both sides, without its option file.
func (c *TLS) roles() (accept, dial role) {
	r := role{cert: c.CertFile, key: c.KeyFile, ca: c.CAFile, verify: true, min: tls.VersionTLS12, depth: -1}
	accept, dial = r, r
	accept.optional = c.Anonymous
	return accept, dial
}

// build reads the files of r.
func (r *role) build(accept bool) (*tls.Config, error) {
	// No resumption: it would go on with what was verified before authorities were changed.
	cfg := &tls.Config{MinVersion: r.min, MaxVersion: r.max, SessionTicketsDisabled: true, DynamicRecordSizingDisabled: true}
	if r.cert != "" {
		cert, err := tls.LoadX509KeyPair(r.cert, r.key)
		if err != nil {
			return nil, fmt.Errorf("the certificate in %s with the key in %s: %w", r.cert, r.key, err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	} else if accept {
		return nil, errors.New("a node that accepts links needs a certfile")
	}
	if r.ca != "" {
		pool, err := readAuthorities(r.ca)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs, cfg.ClientCAs = pool, pool
	} else if r.verify {
		return nil, errors.New("peers cannot be verified without a cacertfile")
	}
	switch {
	case !accept:
		// A peer with TLS 1.2 that has sent much wants new keys, which there is a new handshake.
		cfg.Renegotiation = tls.RenegotiateFreelyAsClient
		cfg.InsecureSkipVerify = !r.verify
	case !r.verify:
		cfg.ClientAuth = tls.NoClientCert
	case r.optional:
		cfg.ClientAuth = tls.VerifyClientCertIfGiven
	default:
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if depth := r.depth; depth >= 0 && r.verify {
		cfg.VerifyConnection = func(s tls.ConnectionState) error {
			for _, chain := range s.VerifiedChains {
				if len(chain)-2 <= depth {
					return nil
				}
			}
			if len(s.PeerCertificates) == 0 {
				return nil
			}
			return fmt.Errorf("dist: more than %d certificates between the peer's and the authority's", depth)
		}
	}
	return cfg, nil
}

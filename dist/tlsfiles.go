// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// keyring gives the TLS configurations of a transport, and reads files anew when they have changed.
type keyring struct {
	cfg TLS
	log *slog.Logger

	mu           sync.Mutex
	accept, dial *tls.Config // guarded by mu; what was read last
	seen         stamps      // guarded by mu; the files at that time, or when reading them failed last
}

// stamp is how a file looked; the zero value is a file that is not there.
type stamp struct {
	size int64
	time time.Time
	info os.FileInfo
}

// stamps are those of all files in use.
type stamps map[string]stamp

// newKeyring reads everything once, so that a wrong file is found at the start.
func newKeyring(cfg TLS, log *slog.Logger) (*keyring, error) {
	k := &keyring{cfg: cfg, log: log}
	if cfg.Provider != nil {
		return k, nil
	}
	accept, dial, err := k.read()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	k.accept, k.dial = accept, dial
	return k, nil
}

// config is what to use for a handshake that begins now. It is the caller's to read, not to change.
func (k *keyring) config(accept bool) (*tls.Config, error) {
	if k.cfg.Provider != nil {
		return k.provided(accept)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seen.changed() {
		if a, d, err := k.read(); err != nil {
			k.log.Warn("changed TLS files cannot be used, the old ones are", "error", err)
		} else {
			k.accept, k.dial = a, d
		}
	}
	if accept {
		return k.accept, nil
	}
	return k.dial, nil
}

// provided asks the program.
func (k *keyring) provided(accept bool) (*tls.Config, error) {
	c, err := k.cfg.Provider(accept)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("TLS.Provider gave no configuration")
	}
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	switch {
	case !accept:
		c.Renegotiation = tls.RenegotiateFreelyAsClient
	case !k.cfg.Anonymous:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case c.ClientAuth == tls.NoClientCert:
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c, nil
}

// read reads everything. The stamps are taken before, so that a change meanwhile is seen the next time.
func (k *keyring) read() (accept, dial *tls.Config, err error) {
	a, d := k.cfg.roles()
	k.seen = stamps{}
	if k.cfg.OptFile != "" {
		k.seen.add(k.cfg.OptFile)
		if a, d, err = readOptFile(k.cfg.OptFile, a, d); err != nil {
			return nil, nil, err
		}
	}
	for _, f := range []string{a.cert, a.key, a.ca, d.cert, d.key, d.ca} {
		k.seen.add(f)
	}
	if accept, err = a.build(true); err != nil {
		return nil, nil, err
	}
	dial, err = d.build(false)
	return accept, dial, err
}

func stampOf(name string) stamp {
	info, err := os.Stat(name)
	if err != nil {
		return stamp{}
	}
	return stamp{info.Size(), info.ModTime(), info}
}

func (s stamps) add(name string) {
	if name != "" {
		s[name] = stampOf(name)
	}
}

// changed reports whether any file is another one than it was.
func (s stamps) changed() bool {
	for name, old := range s {
		now := stampOf(name)
		if now.size != old.size || !now.time.Equal(old.time) || (now.info != nil && old.info != nil && !os.SameFile(now.info, old.info)) {
			return true
		}
	}
	return false
}

// maxAuthorities bounds a file of authorities in bytes.
const maxAuthorities = 4 << 20

// readAuthorities reads PEM. Unlike x509.CertPool.AppendCertsFromPEM it says what is wrong.
func readAuthorities(name string) (*x509.CertPool, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rest, err := io.ReadAll(io.LimitReader(f, maxAuthorities+1))
	if err != nil || len(rest) > maxAuthorities {
		return nil, fmt.Errorf("reading authorities from %s: over %d bytes, or %w", name, maxAuthorities, err)
	}
	pool, n := x509.NewCertPool(), 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("authority %d in %s: %w", n+1, name, err)
		}
		pool.AddCert(cert)
		n++
	}
	if n == 0 || len(bytes.TrimSpace(rest)) > 0 && bytes.Contains(rest, []byte("-----BEGIN")) {
		return nil, fmt.Errorf("%s: %d certificates and something that is none", name, n)
	}
	return pool, nil
}

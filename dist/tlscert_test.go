// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates for tests.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
	n    int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{dir: t.TempDir(), key: key, n: 1}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority " + a.dir}, NotBefore: time.Unix(0, 0),
		NotAfter: time.Now().Add(100 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = filepath.Join(a.dir, "ca.pem")
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// replace writes a file as a careful administrator does: beside, then renamed.
func writePEM(t testing.TB, name, kind string, der []byte) {
	t.Helper()
	err := os.WriteFile(name+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// issue writes a certificate for hosts to NAME.pem and its key to NAME.key, in place of what was there.
func (a *authority) issue(t testing.TB, name string, until time.Time, hosts ...string) *TLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.n++
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(a.n), Subject: pkix.Name{CommonName: name}, NotBefore: time.Unix(0, 0), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			tmpl.IPAddresses = append(tmpl.IPAddresses, ip)
		}
		tmpl.DNSNames = append(tmpl.DNSNames, h) // of an address too: OTP looks for it there
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := &TLS{CertFile: filepath.Join(a.dir, name+".pem"), KeyFile: filepath.Join(a.dir, name+".key"), CAFile: a.file}
	writePEM(t, c.CertFile, "CERTIFICATE", der)
	writePEM(t, c.KeyFile, "PRIVATE KEY", raw)
	return c
}

// good is a certificate that is in order.
func (a *authority) good(t testing.TB, name string, hosts ...string) *TLS {
	t.Helper()
	return a.issue(t, name, time.Now().Add(50*time.Hour), hosts...)
}

// optFile writes c as a file for -ssl_dist_optfile; more is added to both sides.
func (c *TLS) optFile(t testing.TB, more string) string {
	t.Helper()
	if !strings.Contains(more, "1.3") { // which OTP takes for 1.2 alone
		more += ", {secure_renegotiate, true}"
	}
	o := fmt.Sprintf(`[{certfile, "%s"}, {keyfile, "%s"}, {cacertfile, "%s"}, {verify, verify_peer}%s`, c.CertFile, c.KeyFile, c.CAFile, more)
	name := filepath.Join(t.TempDir(), "ssl_dist.conf")
	if err := os.WriteFile(name, []byte("% for both\n[{server, "+o+", {fail_if_no_peer_cert, true}]},\n {client, "+o+"]}].\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

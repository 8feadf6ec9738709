// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"

	"github.com/banyan-go/banyan/dist/internal/erlterm"
	"github.com/banyan-go/banyan/etf"
)

// readOptFile reads a file as for -ssl_dist_optfile: [{server, Options}, {client, Options}].
func readOptFile(name string, accept, dial role) (role, role, error) {
	accept.cert, accept.key, accept.ca = "", "", ""
	dial.cert, dial.key, dial.ca = "", "", ""
	f, err := os.Open(name)
	if err != nil {
		return accept, dial, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, erlterm.MaxSize+1))
	if err != nil {
		return accept, dial, err
	}
	term, err := erlterm.Parse(text)
	if err != nil {
		return accept, dial, fmt.Errorf("%s: %w", name, err)
	}
	sides, ok := term.(etf.List)
	if !ok {
		return accept, dial, fmt.Errorf("%s: not [{server, [...]}, {client, [...]}]", name)
	}
	for _, s := range sides {
		side, options, ok := option(s)
		list, isList := options.(etf.List)
		if !ok || !isList || (side != "server" && side != "client") {
			return accept, dial, fmt.Errorf("%s: not {server, [...]} or {client, [...]}: %.80v", name, s)
		}
		r := &accept
		if side == "client" {
			r = &dial
		}
		for _, o := range list {
			if err := r.set(o); err != nil {
				return accept, dial, fmt.Errorf("%s: %s: %w", name, side, err)
			}
		}
		if r.key == "" { // as in OTP, the certificate's file may have the key too
			r.key = r.cert
		}
	}
	return accept, dial, nil
}

// option takes {Name, Value} apart.
func option(t any) (name etf.Atom, value any, ok bool) {
	pair, isTuple := t.(etf.Tuple)
	if !isTuple || len(pair) != 2 {
		return "", nil, false
	}
	name, ok = pair[0].(etf.Atom)
	return name, pair[1], ok
}

// without are options of OTP that change nothing here, and nothing on the wire that a peer would miss.
var without = map[etf.Atom]string{
	"secure_renegotiate": "always", "client_renegotiation": "refused by Go", "reuse_sessions": "never",
	"honor_cipher_order": "Go has its own order", "honor_ecc_order": "the same", "dhfile": "Go has no finite-field DH",
	"ktls": "the kernel is not asked", "log_level": "see the node's logger", "hibernate_after": "no process to hibernate",
	"key_update_at": "Go updates its keys by itself", "renegotiate_at": "the peer may",
}

// set takes one option.
func (r *role) set(t any) error {
	name, value, ok := option(t)
	if !ok {
		return fmt.Errorf("not {Option, Value}: %.80v", t)
	}
	if without[name] != "" {
		return nil
	}
	var is bool
	switch name {
	case "certfile":
		r.cert, is = path(value)
	case "keyfile":
		r.key, is = path(value)
	case "cacertfile":
		r.ca, is = path(value)
	case "verify":
		r.verify, is = value == etf.Atom("verify_peer"), value == etf.Atom("verify_peer") || value == etf.Atom("verify_none")
	case "fail_if_no_peer_cert":
		r.optional, is = value == etf.Atom("false"), value == etf.Atom("false") || value == etf.Atom("true")
	case "depth":
		var n int64
		n, is = value.(int64)
		is = is && n >= 0 && n <= 255
		r.depth = int(n)
	case "versions":
		r.min, r.max, is = versions(value)
	case "verify_fun":
		// inet_tls_dist's own compares the certificate with the peer's host, and so do we.
		f, _ := value.(etf.Tuple)
		is = len(f) == 3 && f[0] == etf.Atom("inet_tls_dist")
	default:
		return fmt.Errorf("the option %s is not supported: take it out, or use TLS.Provider", name)
	}
	if !is {
		return fmt.Errorf("the option %s cannot be %.80v", name, value)
	}
	return nil
}

// path takes a file's name.
func path(v any) (string, bool) {
	switch s := v.(type) {
	case string:
		return s, s != ""
	case []byte:
		return string(s), len(s) > 0
	}
	return "", false
}

// versions takes ['tlsv1.2', 'tlsv1.3'] or one of them. Older ones may be named, and are not spoken.
func versions(v any) (low, high uint16, ok bool) {
	list, ok := v.(etf.List)
	if !ok {
		return 0, 0, false
	}
	low = tls.VersionTLS13
	for _, e := range list {
		switch e {
		case etf.Atom("tlsv1.3"):
			high = tls.VersionTLS13
		case etf.Atom("tlsv1.2"):
			low, high = tls.VersionTLS12, max(high, tls.VersionTLS12)
		case etf.Atom("tlsv1.1"), etf.Atom("tlsv1"):
		default:
			return 0, 0, false
		}
	}
	return low, high, high != 0
}

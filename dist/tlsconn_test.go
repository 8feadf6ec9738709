// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"crypto/tls"
	"errors"
	"testing"
)

// renewing is a connection of which some writes come in the middle of a new handshake.
type renewing struct {
	refusals   int   // how many writes are refused yet
	after      int   // bytes that a refused write has sent
	failed     error // of the handshake
	handshakes int
	wrote      string
}

func (r *renewing) Write(b []byte) (int, error) {
	if r.refusals > 0 {
		r.refusals--
		return r.after, tls.AlertError(80)
	}
	r.wrote += string(b)
	return len(b), nil
}

func (r *renewing) Handshake() error {
	r.handshakes++
	return r.failed
}

// A write that a new handshake has overtaken goes out after it; one that has failed otherwise is not tried again.
func TestWriteAroundHandshakes(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		conn       renewing
		handshakes int
		err        error
	}{
		"none":             {renewing{}, 0, nil},
		"two":              {renewing{refusals: 2}, 2, nil},
		"one that fails":   {renewing{refusals: 1, failed: broken}, 1, broken},
		"half of it sent":  {renewing{refusals: 1, after: 1}, 0, tls.AlertError(80)},
		"another trouble":  {renewing{refusals: renewals + 1}, renewals, tls.AlertError(80)},
		"the last allowed": {renewing{refusals: renewals - 1}, renewals - 1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := writeAround(&tc.conn, []byte("abc"))
			if err != tc.err || tc.conn.handshakes != tc.handshakes {
				t.Errorf("%v after %d handshakes, want %v after %d", err, tc.conn.handshakes, tc.err, tc.handshakes)
			}
			if err == nil && (n != 3 || tc.conn.wrote != "abc") {
				t.Errorf("%d bytes, %q", n, tc.conn.wrote)
			}
		})
	}
}

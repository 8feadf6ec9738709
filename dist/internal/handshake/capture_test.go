// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// TestRecordedHandshake drives both machines with what two OTP 25 nodes said, and wants the same bytes back.
func TestRecordedHandshake(t *testing.T) {
	f, err := os.Open("testdata/handshakes.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	n := 0
	for dec.More() {
		var rec struct {
			Scenario string
			Messages []string
		}
		if err := dec.Decode(&rec); err != nil {
			t.Fatal(err)
		}
		var m [][]byte
		for _, h := range rec.Messages {
			b, err := hex.DecodeString(h)
			if err != nil || int(binary.BigEndian.Uint16(b)) != len(b)-2 {
				t.Fatal(rec.Scenario, err)
			}
			m = append(m, b[2:])
		}
		n++
		a, _ := parseName(m[0])
		b, ch, err := parseChallenge(m[2])
		if err != nil {
			t.Fatal(rec.Scenario, err)
		}
		d := NewDialler(Side{a.Name, a.Creation, Flags(binary.BigEndian.Uint64(m[0][1:])), "monster", binary.BigEndian.Uint32(m[3][1:])}, b.Name)
		acc := NewAcceptor(Side{b.Name, b.Creation, Flags(binary.BigEndian.Uint64(m[2][1:])), "monster", ch})
		same(t, rec.Scenario, d.Start(), m[0])
		if _, ev, err := acc.Receive(m[0]); ev != Named || err != nil {
			t.Fatal(rec.Scenario, err)
		}
		out := acc.Decide(StatusOK)
		same(t, rec.Scenario, out[0], m[1])
		same(t, rec.Scenario, out[1], m[2])
		if _, _, err := d.Receive(m[1]); err != nil {
			t.Fatal(rec.Scenario, err)
		}
		reply, _, err := d.Receive(m[2])
		if err != nil {
			t.Fatal(rec.Scenario, err)
		}
		if len(m) == 4 { // the recording with the wrong cookie
			if bytes.Equal(reply, m[3]) {
				t.Fatal("the wrong cookie gave the right digest")
			}
			if _, _, err := acc.Receive(m[3]); err == nil {
				t.Fatal("the wrong cookie was taken")
			}
			continue
		}
		same(t, rec.Scenario, reply, m[3])
		if _, ev, err := acc.Receive(m[3]); ev != Proven || err != nil {
			t.Fatal(rec.Scenario, err)
		}
		same(t, rec.Scenario, acc.Ack(), m[4])
		if _, ev, err := d.Receive(m[4]); ev != Done || err != nil {
			t.Fatal(rec.Scenario, err)
		}
	}
	if n < 20 {
		t.Fatalf("only %d handshakes", n)
	}
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %x\nwant %x", what, got, want)
	}
}

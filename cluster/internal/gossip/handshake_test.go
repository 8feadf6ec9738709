// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
)

// shake lets two sides meet.
func shake(t *testing.T, ours, theirs keys, me, you hello) (callErr, answerErr error, caller, answerer hello) {
	t.Helper()
	a, b := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		caller, answerErr = answer(b, theirs, you)
		b.Close()
	}()
	answerer, callErr = call(a, ours, me)
	a.Close()
	<-done
	return callErr, answerErr, caller, answerer
}

func TestHandshake(t *testing.T) {
	key := func(secret, cluster string) keys {
		k, err := deriveKeys([]byte(secret), cluster)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	me := hello{code: purposeGossip, cluster: "shop", id: ID{"a@h", 1}}
	you := hello{cluster: "shop", id: ID{"b@h", 2}}
	k := key("secret", "shop")
	ce, ae, caller, answerer := shake(t, k, k, me, you)
	if ce != nil || ae != nil || caller.id != me.id || answerer.id != you.id || caller.code != purposeGossip {
		t.Fatal(ce, ae, caller, answerer)
	}
	ce, ae, caller, answerer = shake(t, k, key("guess", "shop"), me, you)
	if !errors.Is(ce, ErrSecret) || !errors.Is(ae, ErrSecret) || caller.id != me.id || answerer.id != you.id {
		t.Fatal(ce, ae, caller, answerer)
	}
	you.cluster = "bank"
	ce, ae, caller, answerer = shake(t, k, key("secret", "bank"), me, you)
	if !errors.Is(ce, ErrOtherCluster) || !errors.Is(ae, ErrOtherCluster) || caller.cluster != "shop" || answerer.cluster != "bank" {
		t.Fatal(ce, ae, caller, answerer)
	}
	if a, b := key("secret", "shop"), key("secret", "bank"); bytes.Equal(a.packets, b.packets) || bytes.Equal(a.packets, a.streams) {
		t.Fatal("keys that should differ are the same")
	}
}

// A proof that was heard is of no use: the other side's nonce is another one.
func TestReplay(t *testing.T) {
	k, err := deriveKeys([]byte("secret"), "shop")
	if err != nil {
		t.Fatal(err)
	}
	me, you := hello{code: purposeWho, cluster: "shop", id: ID{"a@h", 1}}, hello{cluster: "shop", id: ID{"b@h", 2}, nonce: [nonceSize]byte{1}}
	mine := me.append(nil)
	first := you
	first.code = statusOK
	heard := append(bytes.Clone(mine), k.proof('D', mine, first.append(nil))...)
	you.nonce[0] = 2
	if _, err := answer(readWriter{bytes.NewReader(heard), io.Discard}, k, you); !errors.Is(err, ErrSecret) {
		t.Fatal(err)
	}
}

type readWriter struct {
	io.Reader
	io.Writer
}

func FuzzHello(f *testing.F) {
	f.Add(hello{code: 1, cluster: "shop", id: ID{"a@h", 1}}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, raw, err := readHello(bytes.NewReader(b))
		if err == nil && (!bytes.Equal(h.append(nil), raw) || !bytes.HasPrefix(b, raw)) {
			t.Fatalf("%x was read as %+v", b, h)
		}
	})
}

func TestID(t *testing.T) {
	for _, id := range []ID{{"a@h", 0}, {"a#b@h", 1 << 63}} {
		if got, ok := parseID(id.String()); !ok || got != id {
			t.Errorf("%v became %v", id, got)
		}
	}
	for _, s := range []string{"", "a", "#0000000000000001", "a#000000000000001", "a#000000000000000g", "a#0000000000000001 "} {
		if id, ok := parseID(s); ok {
			t.Errorf("%q was taken for %v", s, id)
		}
	}
}

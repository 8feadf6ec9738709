// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// ID is one life of a node: its name and a number drawn at each start.
type ID struct {
	Name     string
	Instance uint64
}

// String is name#instance, the node's name in memberlist.
func (id ID) String() string { return fmt.Sprintf("%s#%016x", id.Name, id.Instance) }

// parseID is the other way. It is called for every word of the gossip.
func parseID(s string) (id ID, ok bool) {
	i := len(s) - 17
	if i < 1 || s[i] != '#' {
		return ID{}, false
	}
	for _, d := range []byte(s[i+1:]) {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d && d <= 'f':
			d -= 'a' - 10
		default:
			return ID{}, false
		}
		id.Instance = id.Instance<<4 | uint64(d)
	}
	id.Name = s[:i]
	return id, true
}

var (
	// ErrOtherCluster: who answers belongs to a cluster of another name.
	ErrOtherCluster = errors.New("it belongs to another cluster")
	// ErrSecret: one of the two does not have the cluster's secret.
	ErrSecret = errors.New("it has another secret")
	// ErrProtocol: what answers does not speak this protocol.
	ErrProtocol = errors.New("it does not speak Banyan's gossip protocol")

	errSelf = errors.New("it is this node itself")
)

// keys are what is derived from the secret, for one cluster.
type keys struct{ packets, streams []byte }

func deriveKeys(secret []byte, cluster string) (k keys, err error) {
	// The cluster's name is part of the keys: those of two clusters differ even if their secrets do not.
	if k.packets, err = hkdf.Key(sha256.New, secret, nil, "banyan gossip 1 packets\x00"+cluster, 32); err != nil {
		return k, err
	}
	k.streams, err = hkdf.Key(sha256.New, secret, nil, "banyan gossip 1 streams\x00"+cluster, 32)
	return k, err
}

// The handshake: the dialler says hello, the other answers with its own and a proof, the dialler proves itself. A hello is
//
//	"BNYG", version, purpose or status, nonce (16), instance (8), len cluster (1), cluster, len name (1), name
//
// and a proof the HMAC-SHA256 of both hellos with the key for streams, and a byte for the side.
const (
	magic   = "BNYG"
	version = 1

	purposeGossip = 1 // memberlist's stream follows
	purposeWho    = 2 // nothing follows

	statusOK           = 1
	statusOtherCluster = 2

	nonceSize = 16
	proofSize = sha256.Size
)

// hello is what one side says of itself.
type hello struct {
	code    byte
	nonce   [nonceSize]byte
	cluster string
	id      ID
}

func (h hello) append(b []byte) []byte {
	b = append(b, magic...)
	b = append(b, version, h.code)
	b = append(b, h.nonce[:]...)
	b = binary.BigEndian.AppendUint64(b, h.id.Instance)
	b = append(b, byte(len(h.cluster)))
	b = append(b, h.cluster...)
	b = append(b, byte(len(h.id.Name)))
	return append(b, h.id.Name...)
}

// readHello reads at most some 600 bytes, whatever is sent.
func readHello(r io.Reader) (h hello, raw []byte, err error) {
	head := make([]byte, len(magic)+2+nonceSize+8)
	if _, err := io.ReadFull(r, head); err != nil {
		return h, nil, err
	}
	if !bytes.HasPrefix(head, []byte(magic)) {
		return h, nil, ErrProtocol
	}
	if head[4] != version {
		return h, nil, fmt.Errorf("%w: version %d, this node has %d", ErrProtocol, head[4], version)
	}
	h.code = head[5]
	copy(h.nonce[:], head[6:])
	h.id.Instance = binary.BigEndian.Uint64(head[6+nonceSize:])
	raw = head
	for _, s := range []*string{&h.cluster, &h.id.Name} {
		var n [1]byte
		if _, err := io.ReadFull(r, n[:]); err != nil {
			return h, nil, err
		}
		text := make([]byte, n[0])
		if _, err := io.ReadFull(r, text); err != nil {
			return h, nil, err
		}
		raw = append(append(raw, n[0]), text...)
		*s = string(text)
	}
	return h, raw, nil
}

func (k keys) proof(side byte, first, second []byte) []byte {
	m := hmac.New(sha256.New, k.streams)
	m.Write([]byte{side})
	m.Write(first)
	m.Write(second)
	return m.Sum(nil)
}

// call is the dialler's side. It returns who answers, also with an error if that is known.
func call(rw io.ReadWriter, k keys, me hello) (peer hello, err error) {
	mine := me.append(nil)
	if _, err := rw.Write(mine); err != nil {
		return peer, err
	}
	peer, theirs, err := readHello(rw)
	if err != nil {
		return peer, err
	}
	if peer.code == statusOtherCluster || peer.cluster != me.cluster {
		return peer, ErrOtherCluster
	}
	if peer.code != statusOK {
		return peer, fmt.Errorf("%w: status %d", ErrProtocol, peer.code)
	}
	proof := make([]byte, proofSize)
	if _, err := io.ReadFull(rw, proof); err != nil {
		return peer, err
	}
	if !hmac.Equal(proof, k.proof('A', mine, theirs)) {
		rw.Write(make([]byte, proofSize)) // no proof, so that the other side knows why this ends
		return peer, ErrSecret
	}
	_, err = rw.Write(k.proof('D', mine, theirs))
	return peer, err
}

// answer is the side that was dialled. It returns who calls, also with an error if that is known.
func answer(rw io.ReadWriter, k keys, me hello) (peer hello, err error) {
	peer, theirs, err := readHello(rw)
	if err != nil {
		return peer, err
	}
	if me.code = statusOK; peer.cluster != me.cluster {
		me.code = statusOtherCluster
	}
	mine := me.append(nil)
	out := mine
	if me.code == statusOK {
		out = append(bytes.Clone(mine), k.proof('A', theirs, mine)...)
	}
	if _, err := rw.Write(out); err != nil {
		return peer, err
	}
	if me.code != statusOK {
		return peer, ErrOtherCluster
	}
	proof := make([]byte, proofSize)
	if _, err := io.ReadFull(rw, proof); err != nil {
		return peer, err
	}
	if !hmac.Equal(proof, k.proof('D', theirs, mine)) {
		return peer, ErrSecret
	}
	return peer, nil
}

// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/banyan-go/banyan"
)

// PeerVia makes a link to a node through a third one, to which there must be a link: for two nodes that cannot reach each other. It is a link
// like any other, with its own handshake and TLS between the two ends; all three must be Banyan nodes. It ends when one of the two links that it
// goes over does, and when a straight link to the node is made. If there is a link to the node already, that is returned.
//
// With an empty via it is the other way round: a straight link is made, and takes the place of one that goes through a third node. What
// waits on that then ends as with any link that is lost.
func (t *Transport) PeerVia(ctx context.Context, name, via banyan.Atom) (banyan.Peer, error) {
	l, err := t.peerVia(ctx, name, via)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (t *Transport) peerVia(ctx context.Context, name, via banyan.Atom) (*link, error) {
	a := &attempt{done: make(chan struct{})}
	t.mu.Lock()
	if t.closed || !t.open {
		t.mu.Unlock()
		return nil, unreachable(name, errStopped)
	}
	if err := t.mayDial(name); err != nil {
		t.mu.Unlock()
		return nil, unreachable(name, err)
	}
	n := t.get(name)
	if l := n.link; l != nil && l.alive() && (via != "" || l.via == "") {
		t.mu.Unlock()
		return l, nil
	}
	registered := n.attempt == nil // else the attempt that is there hangs in a dial; who waits for it gets our link
	if registered {
		n.attempt = a
	}
	t.wg.Add(1)
	t.mu.Unlock()
	defer t.wg.Done()
	ctx, cancel := context.WithTimeout(ctx, t.cfg.SetupTime)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	l, err := t.connectVia(ctx, name, via, a)
	if registered {
		t.resolve(name, a, l, err)
	} else {
		t.mu.Lock()
		t.tidy(name)
		t.mu.Unlock()
	}
	switch {
	case err == nil:
		return l, nil
	case via != "":
		err = fmt.Errorf("through %s: %w", via, err)
	}
	return nil, unreachable(name, err)
}

func (t *Transport) connectVia(ctx context.Context, name, via banyan.Atom, a *attempt) (*link, error) {
	if via == "" {
		return t.connect(ctx, name, a)
	}
	conn, err := t.relays.open(t.linkTo(via), name)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { t.closeSetup(conn) })()
	return t.converse(ctx, conn, name, a)
}

// closeSetup closes a connection, if it is in the handshake still.
func (t *Transport) closeSetup(c net.Conn) {
	t.mu.Lock()
	_, setup := t.setups[c]
	t.mu.Unlock()
	if setup {
		c.Close()
	}
}

// called answers a call that has come through another node, as accept does those that come straight.
func (t *Transport) called(c *tunnel) error {
	err := t.take(c)
	if err != nil {
		t.stats.refused.Add(1)
		t.relays.remove(c.leg)
		c.end(err, err)
	}
	return err
}

// take lets a caller through another node into the handshake, if there is room.
func (t *Transport) take(c *tunnel) error {
	select {
	case t.pending <- struct{}{}:
	default:
		return errors.New("too many calls at a time")
	}
	addr := strings.ReplaceAll(c.RemoteAddr().String(), ":", "") // which no real address looks like
	if err := t.admission.enter(addr); err != nil {
		<-t.pending
		return err
	}
	if !t.track(c) {
		<-t.pending
		return errStopped
	}
	t.wg.Add(1)
	go t.answer(c, addr)
	return nil
}

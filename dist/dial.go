// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
)

// attempt is one try to get a link to a node, shared by all who want it. It ends with a link, whichever side made it, or
// with an error.
type attempt struct {
	done chan struct{} // closed when link or err is set
	link *link
	err  error

	// Guarded by Transport.mu. conn is in our own handshake. again is not nil while a call of the peer goes before it,
	// and is closed when that call failed, so that we try once more. proving: our digest is on its way, and the peer may
	// have the link up any moment; it is too late to go back then.
	conn    net.Conn
	again   chan struct{}
	proving bool
}

// prove notes that our digest goes out now; false if we had given way to the peer before.
func (t *Transport) prove(a *attempt) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a.proving = a.again == nil
	return a.proving
}

// yield makes the attempt wait for a call of the peer. Call with Transport.mu held.
func (a *attempt) yield() {
	if a.again == nil {
		a.again = make(chan struct{})
	}
}

// retry ends that. Call with Transport.mu held.
func (a *attempt) retry() {
	select {
	case <-a.again: // closed already, or nil: then nobody waits
	default:
		if a.again != nil {
			close(a.again)
		}
	}
}

// errYielded ends our own handshake because the peer is calling us.
var errYielded = errors.New("dist: the peer is calling us")

// Peer returns the live link to a node, and connects when there is none. Calls for one node share one attempt; each
// waits for as long as its own ctx allows.
func (t *Transport) Peer(ctx context.Context, name banyan.Atom) (banyan.Peer, error) {
	l, err := t.peer(ctx, name)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (t *Transport) peer(ctx context.Context, name banyan.Atom) (*link, error) {
	for {
		t.mu.Lock()
		if t.closed || !t.open {
			t.mu.Unlock()
			return nil, unreachable(name, errStopped)
		}
		n := t.nodes[name]
		if n != nil && n.link != nil {
			l := n.link
			t.mu.Unlock()
			if l.alive() {
				return l, nil
			}
			select { // its end must be told to the runtime before a new one begins
			case <-l.gone:
				continue
			case <-ctx.Done():
				return nil, unreachable(name, ctx.Err())
			}
		}
		if n == nil || n.attempt == nil {
			if err := t.mayDial(name); err != nil {
				t.mu.Unlock()
				return nil, unreachable(name, err)
			}
			n = t.get(name)
			n.attempt = &attempt{done: make(chan struct{})}
			t.wg.Add(1)
			go t.dial(name, n.attempt)
		}
		a := n.attempt
		t.mu.Unlock()
		select {
		case <-a.done:
			return a.link, a.err
		case <-ctx.Done():
			return nil, unreachable(name, ctx.Err())
		}
	}
}

// mayDial refuses names that cannot be dialled.
func (t *Transport) mayDial(name banyan.Atom) error {
	if name == t.name {
		return errors.New("dist: that is this node")
	}
	if err := handshake.CheckName(string(name)); err != nil {
		return err
	}
	if !t.admission.allowed(name) {
		return ErrNotAllowed
	}
	return nil
}

// dial runs one attempt to its end.
func (t *Transport) dial(name banyan.Atom, a *attempt) {
	defer t.wg.Done()
	ctx, cancel := context.WithTimeout(t.ctx, t.cfg.SetupTime)
	defer cancel()
	for {
		l, err := t.connect(ctx, name, a)
		if errors.Is(err, errYielded) {
			select {
			case <-a.done: // the peer got through
				return
			case <-t.callFailed(a):
				t.mu.Lock()
				a.again = nil
				t.mu.Unlock()
				continue
			case <-ctx.Done():
				err = errors.New("dist: the peer said that it was calling us, but did not get through")
			}
		}
		if err != nil && ctx.Err() != nil && t.ctx.Err() == nil && !errors.Is(err, ErrCookie) {
			err = fmt.Errorf("within %v: %w", t.cfg.SetupTime, err)
		}
		t.resolve(name, a, l, err)
		return
	}
}

// callFailed returns the channel that is closed when the call that we yielded to has failed.
func (t *Transport) callFailed(a *attempt) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return a.again
}

// resolve ends an attempt, unless a link has ended it already.
func (t *Transport) resolve(name banyan.Atom, a *attempt, l *link, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.nodes[name]; n != nil && n.attempt == a {
		n.attempt = nil
		if a.link = l; l == nil {
			a.err = unreachable(name, err)
		}
		close(a.done)
		t.tidy(name)
	}
}

// connect looks the node up, connects and shakes hands. On errYielded the peer is calling us.
func (t *Transport) connect(ctx context.Context, name banyan.Atom, a *attempt) (*link, error) {
	alive, host, _ := strings.Cut(string(name), "@")
	addr, err := t.cfg.Names.Lookup(ctx, host, alive)
	if err != nil {
		return nil, err
	}
	conn, err := t.cfg.Network.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return t.converse(ctx, conn, name, a)
}

// converse shakes hands over a connection that is made; it closes it on an error.
func (t *Transport) converse(ctx context.Context, conn net.Conn, name banyan.Atom, a *attempt) (*link, error) {
	if !t.track(conn) {
		return nil, errStopped
	}
	defer t.untrack(conn)
	_, host, _ := strings.Cut(string(name), "@")
	raw := conn
	var err error
	if conn, err = t.secure(raw, host); err != nil {
		raw.Close()
		return nil, err
	}
	t.mu.Lock()
	yielded := a.again != nil
	select {
	case <-a.done: // a call of the peer got through
		yielded = true
	default:
	}
	a.conn = conn
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		a.conn, a.proving = nil, false
		t.mu.Unlock()
	}()
	if yielded {
		conn.Close()
		return nil, errYielded
	}
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	l, err := t.callUp(ctx, conn, name, a)
	if l != nil && err == nil {
		return l, nil
	}
	conn.Close()
	t.mu.Lock()
	if errors.Is(err, errYielded) {
		a.yield()
	}
	yielded = a.again != nil
	t.mu.Unlock()
	if yielded {
		return nil, errYielded
	}
	return l, err
}

// callUp is the dialler's side of the handshake. A link without an error is up; a link that was there already comes
// with one, and conn is to be closed.
func (t *Transport) callUp(ctx context.Context, conn net.Conn, name banyan.Atom, a *attempt) (*link, error) {
	if err := shakeTLS(ctx, conn); err != nil {
		return nil, err
	}
	if err := t.checkPeerName(conn, string(name)); err != nil {
		return nil, err
	}
	d := handshake.NewDialler(t.side(t.admission.cookieFor(name)), string(name))
	d.Reflected = t.admission.reflected
	if err := writeMessage(conn, d.Start()); err != nil {
		return nil, err
	}
	var detour *link // goes through another node, and this one will not
	for {
		msg, err := readMessage(conn)
		if err != nil {
			if isEOF(err) {
				err = fmt.Errorf("%w (%s)", d.Closed(), name)
			}
			return nil, err
		}
		out, ev, err := d.Receive(msg)
		if err != nil {
			return nil, err
		}
		if ev == handshake.Alive {
			old := t.linkTo(name)
			if old != nil && old.via != "" && viaOf(conn) == "" {
				old, detour = nil, old
			}
			out = d.Answer(old == nil)
			if old != nil {
				writeMessage(conn, out)
				conn.Close()
				return nil, errYielded // our waiters get the link that is there
			}
		}
		if out != nil {
			if ev == handshake.None && !t.prove(a) {
				return nil, errYielded
			}
			if err := writeMessage(conn, out); err != nil {
				return nil, err
			}
		}
		switch ev {
		case handshake.Wait:
			return nil, errYielded
		case handshake.Done:
			conn.SetDeadline(time.Time{})
			l := t.newLink(conn, d.Peer())
			if detour != nil {
				detour.fail(errReplaced)
			}
			if err := t.up(ctx, l, detour); err != nil {
				return nil, err
			}
			l.run()
			return l, nil
		}
	}
}

// linkTo is the live link to a node, or nil.
func (t *Transport) linkTo(name banyan.Atom) *link {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.nodes[name]; n != nil && n.link != nil && n.link.alive() {
		return n.link
	}
	return nil
}

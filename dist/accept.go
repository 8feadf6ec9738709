// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/gate"
	"github.com/banyan-go/banyan/dist/internal/handshake"
)

// accept takes connections until Close.
func (t *Transport) accept() {
	defer t.wg.Done()
	for {
		conn, err := t.listener.Accept()
		if err != nil {
			if t.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of file descriptors, or a connection that was gone already.
			timer := time.NewTimer(20 * time.Millisecond)
			select {
			case <-timer.C:
			case <-t.ctx.Done():
				timer.Stop()
			}
			continue
		}
		select {
		case t.pending <- struct{}{}:
		default:
			t.stats.refused.Add(1)
			conn.Close()
			continue
		}
		addr := gate.Addr(conn.RemoteAddr())
		if err := t.admission.enter(addr); err != nil {
			<-t.pending
			t.stats.refused.Add(1)
			t.logRefused("", conn, err)
			conn.Close()
			continue
		}
		if !t.track(conn) {
			<-t.pending
			return
		}
		t.wg.Add(1)
		go t.answer(conn, addr)
	}
}

// answer takes one caller through the handshake.
func (t *Transport) answer(conn net.Conn, addr string) {
	defer t.wg.Done()
	defer func() { <-t.pending }()
	defer t.untrack(conn)
	ctx, cancel := context.WithTimeout(t.ctx, t.cfg.SetupTime)
	defer cancel()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	side := t.side("")
	defer t.admission.ask(side.Challenge)()
	c := call{t: t, machine: handshake.NewAcceptor(side)}
	var err error
	if c.conn, err = t.secure(conn, ""); err == nil {
		if err = shakeTLS(ctx, c.conn); err == nil {
			err = c.run(ctx)
		}
	}
	t.admission.leave(addr, blame(err))
	if err != nil {
		conn.Close()
		t.stats.refused.Add(1)
		if t.ctx.Err() == nil && !errors.Is(err, handshake.ErrClosed) && !errors.Is(err, errYielded) {
			t.logRefused(c.machine.Peer().Name, conn, err)
		}
	}
	// Our own attempt may wait for this call. If there is a link now, it has ended already.
	t.mu.Lock()
	if n := t.nodes[nameOf(c.machine.Peer())]; n != nil && n.attempt != nil {
		n.attempt.retry()
	}
	t.mu.Unlock()
}

// logRefused tells of a caller that was refused, at most once a second: Stats has the number.
func (t *Transport) logRefused(name string, conn net.Conn, err error) {
	now := time.Now().UnixNano()
	last := t.refusedAt.Load()
	if now-last < int64(time.Second) || !t.refusedAt.CompareAndSwap(last, now) {
		return
	}
	t.port.Logger().Warn("a node was refused", "peer", name, "address", conn.RemoteAddr().String(), "error", err)
}

// call is one caller in the handshake.
type call struct {
	t       *Transport
	conn    net.Conn
	machine *handshake.Acceptor
	old     *link // the link that the caller was told of by alive
}

// run returns nil when the link is up.
func (c *call) run(ctx context.Context) error {
	for {
		msg, err := readMessage(c.conn)
		if err != nil {
			if isEOF(err) {
				return handshake.ErrClosed
			}
			return err
		}
		out, ev, err := c.machine.Receive(msg)
		if ev == handshake.Named {
			var status handshake.Status
			if err = c.admit(); err != nil {
				out = c.machine.Decide(handshake.StatusNotAllowed)
			} else if status, err = c.decide(ctx); err == nil {
				out = c.machine.Decide(status)
				if status == handshake.StatusNOK {
					err = errYielded
				}
			}
		}
		if len(out) > 0 {
			if werr := writeMessage(c.conn, out...); err == nil {
				err = werr
			}
		}
		if err != nil {
			return err
		}
		if ev == handshake.Proven {
			return c.proven(ctx)
		}
	}
}

// admit reports why a caller of that name is not wanted. From here on the machine knows the cookie that it must prove.
func (c *call) admit() error {
	name := c.machine.Peer().Name
	if !c.t.admission.allowed(banyan.Atom(name)) {
		return fmt.Errorf("%w: %.64q", ErrNotAllowed, name)
	}
	c.machine.SetCookie(c.t.admission.cookieFor(banyan.Atom(name)))
	return c.t.checkPeerName(c.conn, name)
}

// decide compares the caller with what else we have to do with that node.
func (c *call) decide(ctx context.Context) (handshake.Status, error) {
	t, name := c.t, nameOf(c.machine.Peer())
	for {
		t.mu.Lock()
		n := t.nodes[name]
		if n == nil || (n.link == nil && n.attempt == nil) {
			t.mu.Unlock()
			return handshake.StatusOK, nil
		}
		if l := n.link; l != nil {
			if l.alive() && l.via != "" && n.attempt != nil && c.yield(n.attempt, name) == handshake.StatusNOK {
				t.mu.Unlock() // both look for a straight way in place of a link through another node, and ours goes on
				return handshake.StatusNOK, nil
			}
			t.mu.Unlock()
			if l.alive() {
				c.old = l
				return handshake.StatusAlive, nil
			}
			select {
			case <-l.gone:
				continue
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		defer t.mu.Unlock()
		return c.yield(n.attempt, name), nil
	}
}

// yield settles two attempts that cross: the one of the node with the greater name goes on. But once the peer has our
// digest it may be the end that has a link already, and ours goes on. (OTP does not get there: it does not dial a node
// that is calling it. We do, since everybody can claim to be that node.) Call with mu held.
func (c *call) yield(a *attempt, name banyan.Atom) handshake.Status {
	if a.again == nil {
		// A call through another node comes when the straight way is cut: our attempt may hang in it for long.
		hangs := viaOf(c.conn) != "" && a.conn == nil
		if (c.t.name > name || a.proving) && !hangs {
			return handshake.StatusNOK
		}
		a.yield()
		if a.conn != nil {
			a.conn.Close()
		}
	}
	return handshake.StatusOKSimultaneous
}

// proven makes the link. Only now may an older one be cut: before, anybody could have been the caller.
func (c *call) proven(ctx context.Context) error {
	t := c.t
	if c.old != nil {
		c.old.fail(errReplaced)
	}
	l := t.newLink(c.conn, c.machine.Peer())
	if err := t.up(ctx, l, c.old); err != nil {
		return err
	}
	err := writeMessage(c.conn, c.machine.Ack())
	c.conn.SetDeadline(time.Time{})
	if err != nil {
		l.fail(err)
	}
	l.run()
	return nil
}

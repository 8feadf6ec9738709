// SPDX-License-Identifier: Apache-2.0

package banyan

// Later is a ticket for the reply of a call, to be given after the handler has returned, from any process or goroutine.
type Later[R any] struct {
	p    *Self
	c    *call
	gen  uint32
	pl   *payload // of the reply
	fail error
}

// Defer takes over the reply of the call being served. The handler's own reply value is then ignored; an error it returns
// is not. R must be the call's reply type, or the call fails at once with ErrWrongTicket. A ticket that is never answered
// ends with the process: its caller then gets a ProcessError.
func Defer[R any](self *Self) Later[R] {
	c, gen, err := self.takeCall()
	if err != nil {
		return Later[R]{fail: err}
	}
	if keyOf[R]() != c.rec.replyKey {
		c.fail(gen, &OpError{Op: "defer", What: c.rec.name, Err: ErrWrongTicket}, true, self.co.Load())
		return Later[R]{fail: ErrWrongTicket}
	}
	if err := self.addTicket(c, gen); err != nil {
		return Later[R]{fail: err}
	}
	return Later[R]{p: self, c: c, gen: gen, pl: &c.rec.reply}
}

// takeCall takes the call being served away from its handler: whoever called owns the reply from here on.
func (p *Self) takeCall() (c *call, gen uint32, err error) {
	if _, ok := p.mine(); !ok {
		return nil, 0, ErrWrongTicket
	}
	if c = p.cur.Load(); c == nil || !p.cur.CompareAndSwap(c, nil) {
		return nil, 0, ErrWrongTicket
	}
	return c, p.curGen, nil
}

// addTicket lets the call end with the process, if it is not answered before.
func (p *Self) addTicket(c *call, gen uint32) error {
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		c.fail(gen, &ProcessError{p.pid, ErrKilled, true}, true, nil)
		return ErrKilled
	}
	r := p.related()
	if r.tickets == nil {
		r.tickets = map[*call]uint32{}
	}
	r.tickets[c] = gen
	p.mu.Unlock()
	return nil
}

// Reply answers the call. Only the first answer counts; ErrTimeout tells that the caller had given up or was answered.
func (l Later[R]) Reply(v R) error { return l.answer(v, nil) }

// Fail answers the call with an error.
func (l Later[R]) Fail(err error) error {
	var zero R
	return l.answer(zero, reasonOrNormal(err))
}

func (l Later[R]) answer(v R, err error) error {
	if l.fail != nil {
		return l.fail
	}
	if l.c == nil {
		return ErrWrongTicket
	}
	var reply envelope
	if err == nil {
		if err := putMessage(&reply, l.pl, v); err != nil {
			return err
		}
	}
	if !l.p.takeTicket(l.c, l.gen) {
		return ErrTimeout
	}
	if l.c.ended(l.gen) {
		l.p.node.late.Add(1)
		return ErrTimeout
	}
	if l.c.asks {
		l.c.load = l.p.toldLater()
	}
	l.c.answer(l.gen, reply, err, nil)
	return nil
}

// ended reports whether nobody waits for that generation any more.
func (c *call) ended(gen uint32) bool {
	s := c.state.Load()
	return uint32(s>>callGen) != gen || s&callOpen == 0
}

// takeTicket makes the caller the only one to answer.
func (p *Self) takeTicket(c *call, gen uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext == nil {
		return false
	}
	if g, ok := p.ext.tickets[c]; !ok || g != gen {
		return false
	}
	delete(p.ext.tickets, c)
	return true
}

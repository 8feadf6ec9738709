// SPDX-License-Identifier: Apache-2.0

package banyan

// Behaviour stands between a server's mailbox and its handlers: it gets each message in place of the message's own
// handler, and has it handled now, later or again. Packages such as statem are made with it; a program rarely needs it.
// Its methods are called on the process's own turn; an error ends the server with that reason.
type Behaviour interface {
	// Begin is called once, after the constructor and before the first message. state is what the constructor returned.
	Begin(self *Self, state any) error //lint:any the state is of the user's type, found once at the start
	// Handle gets one message. m is valid until Handle returns; Keep makes one that stays.
	Handle(self *Self, m Message) error
}

// Behaved is a server's state that has a Behaviour, most often because it embeds a type that has this method. It is found
// once, at the start.
type Behaved interface{ Behaviour() Behaviour }

// Message is one message of a server, as its Behaviour sees it.
type Message struct {
	e    *envelope
	kept bool // e is the behaviour's own, not the mailbox's
}

// NewMessage makes a message that a server sends to itself past its mailbox: a note, copied as in Cast.
func NewMessage[S any, M Note[S]](m M) (Message, error) {
	rec := castRecord[S, M]()
	if rec.err != nil {
		return Message{}, &OpError{Op: "new message", What: rec.name, Err: rec.err}
	}
	if rec.nilable && isNil(m) {
		return Message{}, &OpError{Op: "new message", What: rec.name, Err: errNilMessage}
	}
	e := &envelope{rec: rec}
	if err := putMessage(e, &rec.msg, m); err != nil {
		return Message{}, &OpError{Op: "new message", What: rec.name, Err: err}
	}
	return Message{e, true}, nil
}

// String is the message's type.
func (m Message) String() string { return m.e.rec.typeName(m.e) }

// Size is about how many bytes the message takes.
func (m Message) Size() int64 { return max(int64(m.e.size), envelopeBytes) }

// IsCall reports whether somebody waits for a reply.
func (m Message) IsCall() bool { return m.e.rec.kind == kindCall }

// Plain gives the value of a message that is for Info.
func (m Message) Plain() (v any, ok bool) { //lint:any plain messages are of any type
	if m.e.rec != infoRecord && m.e.rec != tickRecord {
		return nil, false
	}
	return infoPeek(m.e), true
}

// Run runs the message's handler. An error or panic of it ends the process as it would without a behaviour: look at
// Self.Ending afterwards. A call whose caller has given up is dropped unread.
func (m Message) Run(self *Self) {
	if m.kept {
		self.noteRunning(m.String())
	}
	m.e.rec.run(self, m.e)
	if self.hasTurn {
		self.endTurnContext()
	}
	if m.kept && !self.stopped {
		self.noteRunning("")
	}
}

// Ending reports whether the process has been killed, or is to end after the present handler because of its own error or
// Stop. For the process's own turn.
func (p *Self) Ending() bool { return p.stopped || p.dead.Load() }

// Keep, called in the handler of m, gives a message that may be run again after it has returned. The reply of a call stays
// open, as with Defer: what the handler returns is ignored, unless it is an error; when the process ends before the message
// is run again, the caller gets a ProcessError. It fails with ErrWrongTicket if the handler has deferred the reply.
func (m Message) Keep(self *Self) (Message, error) {
	e := m.e
	if !m.kept {
		e = new(envelope)
		*e = *m.e
	}
	switch {
	case e.rec.kind == kindCall && e.ptr != nil:
		c, gen, err := self.takeCall()
		if err == nil {
			err = self.addTicket(c, gen)
		}
		if err != nil {
			return Message{}, err
		}
		e.word[0] = keptCall
	case e.rec == tickRecord: // the next tick does not wait for it
		size := e.size
		*e = infoEnvelope((*Timer)(e.ptr).m)
		e.size = size
	}
	return Message{e, true}, nil
}

// Drop counts a message that will not be handled as a dead letter.
func (m Message) Drop(self *Self) { self.node.deadLetters.Add(1) }

// keptCall, in the word of a call's envelope, says that the call was claimed before, and is among the tickets.
const keptCall = 1

// reclaim takes a kept call to serve it again.
func (p *Self) reclaim(c *call, e *envelope) bool {
	return e.word[0] == keptCall && p.takeTicket(c, e.gen) && !c.ended(e.gen)
}

// setState gives the process its state, and finds out whether it has a behaviour.
func (p *Self) setState(s any) {
	p.state = s
	_, p.behaved = s.(Behaved)
}

// begin starts the behaviour, on the process's turn. It reports whether the process goes on.
func (p *Self) begin() (goOn bool) {
	p.fate(p.state.(Behaved).Behaviour().Begin(p, p.state))
	if p.hasTurn {
		p.endTurnContext()
	}
	return !p.Ending()
}

// behave gives a message to the behaviour.
func (p *Self) behave(e *envelope) {
	p.fate(p.state.(Behaved).Behaviour().Handle(p, Message{e: e}))
}

func (p *Self) fate(err error) {
	if err != nil {
		p.stopped, p.stopWhy = true, err
	}
}

// noteRunning keeps the type of the message that runs, for the record of a crash: it is not the one that the mailbox
// gave.
func (p *Self) noteRunning(name string) {
	p.mu.Lock()
	if !p.dead.Load() {
		p.related().last = name
	}
	p.mu.Unlock()
}

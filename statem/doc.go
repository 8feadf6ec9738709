// SPDX-License-Identifier: Apache-2.0

// Package statem makes servers that are state machines: OTP's gen_statem, in Go.
//
// A machine is a server whose state embeds a [Machine]. Its events are the messages of package banyan, values with a method
// that takes the machine: so [banyan.Call], [banyan.Cast], names and supervisors work on it as on any server, and the
// compiler checks target, message and reply. A handler says what comes next:
//
//	type Door struct {
//		statem.Machine[Position] // Open, Closed or Locked: any comparable type
//		code string
//	}
//
//	func NewDoor(context.Context, *banyan.Self) (*Door, error) {
//		return &Door{Machine: statem.In(Locked), code: "1234"}, nil
//	}
//
//	type Unlock struct{ Code string }
//
//	func (m Unlock) Call(d *Door, self *banyan.Self) (bool, error) {
//		if d.State() == Open {
//			return false, d.Postpone() // until it is closed; the caller waits
//		}
//		if m.Code == d.code {
//			d.Next(Open)
//			statem.StateTimeout(d, 10*time.Second, Slam{}) // unless somebody closes it before
//		}
//		return m.Code == d.code, nil
//	}
//
//	type Slam struct{}
//
//	func (Slam) Cast(d *Door, self *banyan.Self) error { d.Next(Locked); return nil }
//
//	door, err := banyan.Spawn(node, NewDoor)
//	ok, err := banyan.Call(ctx, door, Unlock{"1234"})
//
// # What a handler may say
//
//   - Where to go: [Machine.Next]; [Machine.Repeat] enters the present state again. Saying nothing keeps the state.
//   - [Machine.Postpone]: the event is handled again after the next change of state.
//   - [Insert]: a note that is handled next.
//   - [StateTimeout], [EventTimeout], [Timeout] by a name, their updates and cancels. What they bring is a note too.
//   - self.Stop(reason) ends the machine, as any server; what else was said is then void.
//   - The reply is what Call returns; [banyan.Defer] gives it later, from another state.
//
// A machine's type may have Enter (see [Enterer]), and Info and Terminate as any server. Plain messages that come to Info
// are events too.
//
// # Order
//
// When a handler has returned, in this order: the state changes; Enter is called if it did, or on Repeat; the event is
// postponed; after a change, all postponed events are put before the queue, oldest first; inserted events are put before
// these; time-outs are set and cancelled. Then comes the next event of the queue; when that is empty, time-outs without a
// time; and then the mailbox. Of several orders about one time-out in one step the last counts alone, with Enter's behind
// the handler's.
//
// # Concurrency
//
// Handlers run one at a time, in the machine's process. Nothing of a Machine may be used from elsewhere.
//
// # Guarantees
//
//   - The order of events is gen_statem's: the core is compared with it, event for event, on thousands of random programs.
//   - A postponed call keeps its reply open; it is answered once, by the handler that does not postpone it. When the machine
//     ends first, its caller gets a banyan.ProcessError that is ErrDied. A caller that gave up is not served.
//   - A cancelled time-out does not come, not even when it was in the mailbox already.
//   - What is postponed is bounded, see [Postponed].
//
// Not guaranteed: a machine whose handlers insert events without end never comes to its mailbox, nor to an exit signal, like a
// handler that does not return; only kill ends it.
//
// # Differences from OTP
//
// An error of Call is the answer, and does not end the machine; what its handler said holds all the same, but for Postpone. There is one
// callback mode: a handler per event, which looks at State itself. Inserted events and time-outs are notes; a call cannot
// be made up. Hibernation and the change of the callback module have no meaning here.
//
// # Costs
//
// An event costs what a message to a server costs, and about 50 ns more; a change of state as much; a time-out is one of Go's
// timers. A postponed event takes an allocation.
package statem

// SPDX-License-Identifier: Apache-2.0

package txn

// Flaw is a safety bug that is built in on purpose, so that a test can show that the suite catches it. A database that is in use has none. The first ones are the
// machine's, the others those of who coordinates: see package twophase.
type Flaw int

// The flaws. Each breaks one rule that transactions stand on.
const (
	NoFlaw Flaw = iota
	// ForgetLocks prepares without taking locks.
	ForgetLocks
	// ForgetSession carries a commit out again that comes again.
	ForgetSession
	// DropRecord lets the record go when the transaction is decided, and not when it is resolved.
	DropRecord
	// ForgetRecord forgets a session in one group while a part of a transaction of it is prepared in another.
	ForgetRecord
	// PassLock lets a reader pass by the lock of a transaction without asking how it ended.
	PassLock
	// AnswerBeforeRecord acknowledges a commit when all is prepared.
	AnswerBeforeRecord
	// AbortCommitted lets who meets the lock of a committed transaction give its part up.
	AbortCommitted
	// CommitAnyway acknowledges a commit whose decision was refused.
	CommitAnyway
	// SurelyNot says of a transaction of unknown outcome that it is not committed.
	SurelyNot
)

// flaws are the names.
var flaws = [...]string{"NoFlaw", "ForgetLocks", "ForgetSession", "DropRecord", "ForgetRecord", "PassLock",
	"AnswerBeforeRecord", "AbortCommitted", "CommitAnyway", "SurelyNot"}

// String implements fmt.Stringer.
func (f Flaw) String() string { return flaws[f] }

// Flaws are all of them.
func Flaws() (all []Flaw) {
	for f := range flaws[1:] {
		all = append(all, Flaw(f+1))
	}
	return all
}

// SPDX-License-Identifier: Apache-2.0

package host

// Flaw is a safety bug that is built in on purpose, so that a test can show that the suite catches it. A host that is in
// use has none.
type Flaw int

// The flaws. Each breaks one rule that the host stands on.
const (
	NoFlaw Flaw = iota
	// AnswerEarly delivers what depends on a write before it is durable (R1).
	AnswerEarly
	// ForgetVote does not store the vote.
	ForgetVote
	// ForgetTerm does not store term and vote of a turn without entries.
	ForgetTerm
	// ApplyUncommitted answers a proposal when it is in the leader's own log.
	ApplyUncommitted
	// ReadHere answers reads from the leader's state without asking anybody.
	ReadHere
	// ReadEarly answers a confirmed read before the state has come that far.
	ReadEarly
	// ReadTooSoon answers reads before the leader has committed an entry of its own term.
	ReadTooSoon
	// TrustIdentity takes messages that are meant for a store that was lost.
	TrustIdentity
	// SnapshotKeepsLog installs a snapshot and leaves the log as it was.
	SnapshotKeepsLog
	// CutTooFar cuts the log below the applied index, durable or not (R2).
	CutTooFar
	// IndexApart stores the applied index apart from the state (R2).
	IndexApart
	// KeepTail leaves old entries behind those that overwrite the log.
	KeepTail
	// IgnoreSync takes a failed write for one that went well (R3).
	IgnoreSync
	// ApplyLocal lets the state depend on the node (R4); the machine under test does it.
	ApplyLocal
	// VoteTwice lets the host answer a vote's request with yes that the raft core answered with no.
	VoteTwice
	// JointByHalf counts a change of members as done with the new half only: it applies a joint change as a simple one.
	JointByHalf
	// AnswerTwice is a proposal that the host hands in twice.
	AnswerTwice
)

// flaws are the names.
var flaws = [...]string{"NoFlaw", "AnswerEarly", "ForgetVote", "ForgetTerm", "ApplyUncommitted", "ReadHere", "ReadEarly", "ReadTooSoon", "TrustIdentity", "SnapshotKeepsLog", "CutTooFar", "IndexApart", "KeepTail", "IgnoreSync", "ApplyLocal", "VoteTwice", "JointByHalf", "AnswerTwice"}

// String implements fmt.Stringer.
func (f Flaw) String() string { return flaws[f] }

// Flaws are all of them.
func Flaws() (all []Flaw) {
	for f := range flaws[1:] {
		all = append(all, Flaw(f+1))
	}
	return all
}

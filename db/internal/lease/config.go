// SPDX-License-Identifier: Apache-2.0

package lease

import "time"

// Time is a moment of one node's clock: since anything, as long as it is the same for one Core. It must not be 0 or less.
type Time = time.Duration

// Life is one incarnation of a node. Each start of its process is another.
type Life struct{ Node, Inc uint64 }

// Config is a node's measures. All nodes must have the same but for Node.
type Config struct {
	Node uint64
	// TTL is how long a support lasts. 1.5 s. Beats with a longer one are refused.
	TTL time.Duration
	// Drift is by what part the rate of a clock may be wrong. 0.01.
	Drift float64
	// Resend is how often a request of a burial is sent again. 20 ms. Ticks should come as often while Busy says so.
	Resend time.Duration

	// Flaw plants a bug, for the checker that must catch it.
	Flaw Flaw
}

func (c *Config) defaults() {
	if c.TTL == 0 {
		c.TTL = 1500 * time.Millisecond
	}
	if c.Drift == 0 {
		c.Drift = 0.01
	}
	if c.Resend == 0 {
		c.Resend = 20 * time.Millisecond
	}
}

// held is how long a beat gives the holder, from when it was sent.
func (c *Config) held() time.Duration {
	if c.Flaw == NoDrift {
		return c.TTL
	}
	return time.Duration(float64(c.TTL) * (1 - 2*c.Drift))
}

// forgotten is after what time no support that was given before it can count any more.
func (c *Config) forgotten() time.Duration { return time.Duration(float64(c.TTL) * (1 + 2*c.Drift)) }

// beat is the time between beats.
func (c *Config) beat() time.Duration { return c.TTL / 10 }

// stall is the gap between ticks from which on a voter does not trust its ears.
func (c *Config) stall() time.Duration { return c.TTL / 5 }

// Flaw is a bug that can be planted.
type Flaw int

// The flaws.
const (
	None Flaw = iota
	// AcrossRounds counts grants of cancelled rounds.
	AcrossRounds
	// ForgetGrant does not write grants down.
	ForgetGrant
	// NoWait lets a voter grant as soon as it has started.
	NoWait
	// FromAck counts the lease from when the acknowledgement came.
	FromAck
	// NoDrift leaves the margin for wrong clocks out.
	NoDrift
	// SupportGranted lets a voter support whom it has granted away.
	SupportGranted
	// GrantEarly grants while the voter's own support lasts.
	GrantEarly
	// Minority buries with half of the voters.
	Minority
	// StraightMove replaces the voters in one step.
	StraightMove
	// OldVoters lets voters take beats that count by voters of the past.
	OldVoters
	// HastyMove drops the old voters without waiting for what they supported.
	HastyMove
	// flaws is how many there are.
	flaws
)

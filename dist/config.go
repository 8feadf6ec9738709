// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
	"github.com/banyan-go/banyan/etf"
)

// Config says how a node takes part in distribution. The zero value is a hidden node on loopback with the cookie of
// the user's other nodes, found through epmd.
//
// A hidden node is not in nodes() of the nodes that it is connected to, and links are made only to nodes that somebody
// speaks to.
type Config struct {
	// Visible makes the node a full member: it is in nodes() of its peers. Real Erlang nodes then expect it to take part in
	// their global name service: start package global beside it, or global:sync/0 there waits for it.
	Visible bool
	// Cookie is the secret that all nodes of a cluster share; whoever knows it owns every Erlang node of the cluster.
	// Empty: it is read from CookieFile, without the line's end.
	Cookie string
	// CookieFile must be readable by its owner only. Default ~/.erlang.cookie, which is made, with a random cookie, when
	// it does not exist.
	CookieFile string
	// Cookies has the nodes that have a cookie of their own, as erlang:set_cookie/2 gives it; the node itself must have the
	// same for this one. SetCookie changes it later.
	Cookies map[banyan.Atom]string
	// Allow lists all nodes that this one has to do with: full names, or hosts for all nodes of one. Others get no link, whoever
	// calls, and are told not_allowed. Default: every node that knows the cookie. Transport.Allow adds to it.
	Allow []banyan.Atom
	// Listen is the address to accept links at, host:port. Default 127.0.0.1:0. Without TLS, what passes is neither
	// encrypted nor protected from change, so leave loopback only within a network that you trust, or with TLS.
	Listen string
	// TLS encrypts all links and makes both sides prove who they are. Default nil: none.
	TLS *TLS
	// TickTime is Erlang's net_ticktime: a peer that is silent for it, give or take a quarter, is taken for dead. All
	// nodes should have the same. Default 60 s.
	TickTime time.Duration
	// SetupTime bounds a handshake from the connection on. Default 7 s.
	SetupTime time.Duration
	// MaxMessage is the size of the largest message, either way, encoded. A peer that sends a larger one loses its
	// link, and so does one whose unfinished messages together are larger than two of them. Default 128 MiB.
	MaxMessage int
	// LinkBuffer is how many bytes may wait to be written to a peer before senders get ErrLinkFull. Default 1 MiB. Messages
	// over 64 KiB are counted apart, against twice as much, and one more is always taken while there is room.
	LinkBuffer int
	// MaxPending is how many incoming connections may be in the handshake; more are closed. Default 64.
	MaxPending int
	// MaxPendingPerHost is how many of these may come from one address (one IPv6 network of 64 bits). Default half of MaxPending.
	MaxPendingPerHost int
	// MaxFailures is how many handshakes of one address may fail in a row, and in a minute; then its connections are closed
	// at once. Nodes that share an address, as on loopback, share that. Default 30; negative: no limit.
	MaxFailures int
	// Keep lists nodes that a link is kept to, as Transport.Keep does.
	Keep []banyan.Atom
	// RetryMin and RetryMax bound the pause before a link of Keep is tried again: it begins with RetryMin and doubles with each
	// failure, less up to a half by chance, so that nodes do not all call at once. Default 250 ms and 30 s.
	RetryMin, RetryMax time.Duration
	// PollTime is how long a link that ran dry looks for more before it goes to sleep. It can shorten round trips on a
	// machine with idle processors to half, and costs that much CPU time after each burst (nothing on an idle link), which
	// others may need. Measure before you set it, to some 50 us. Default: never look.
	PollTime time.Duration
	// Limits bounds the decoding of one message. Default etf.DefaultLimits().
	Limits etf.Limits
	// Network makes connections. Default TCP.
	Network Network
	// Names knows where nodes are. Default &EPMD{}.
	Names Names
}

// Validate lists everything that is wrong with c. It touches neither files nor the network.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("dist: "+format, args...)) }
	if c.Cookie != "" && c.CookieFile != "" {
		bad("Cookie and CookieFile are both set")
	}
	if c.Cookie != "" {
		if err := checkCookie(c.Cookie); err != nil {
			bad("Cookie: %w", err)
		}
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			bad("Listen: %w", err)
		}
	}
	if c.TLS != nil {
		if err := c.TLS.validate(); err != nil {
			bad("TLS: %w", err)
		}
	}
	for name, d := range map[string]time.Duration{"TickTime": c.TickTime, "SetupTime": c.SetupTime, "RetryMin": c.RetryMin, "RetryMax": c.RetryMax} {
		if d < 0 || (d > 0 && d < time.Millisecond) {
			bad("%s: %v is too short", name, d)
		}
	}
	if c.MaxMessage < 0 || (c.MaxMessage > 0 && c.MaxMessage < 64<<10) || int64(c.MaxMessage) > 2<<30 {
		bad("MaxMessage: %d is not 64 KiB to 2 GiB", c.MaxMessage)
	}
	if c.LinkBuffer < 0 || (c.LinkBuffer > 0 && c.LinkBuffer < 4<<10) {
		bad("LinkBuffer: %d is below 4 KiB", c.LinkBuffer)
	}
	if c.MaxPending < 0 {
		bad("MaxPending: %d is negative", c.MaxPending)
	}
	for _, node := range c.Keep {
		if err := handshake.CheckName(string(node)); err != nil {
			bad("Keep: %w", err)
		}
	}
	if c.RetryMax != 0 && c.RetryMax < c.RetryMin {
		bad("RetryMax: %v is less than RetryMin, %v", c.RetryMax, c.RetryMin)
	}
	if c.MaxPendingPerHost < 0 {
		bad("MaxPendingPerHost: %d is negative", c.MaxPendingPerHost)
	}
	for node, cookie := range c.Cookies {
		if err := errors.Join(handshake.CheckName(string(node)), checkCookie(cookie)); err != nil {
			bad("Cookies: %s: %w", node, err)
		}
	}
	if err := checkAllow(c.Allow); err != nil {
		bad("%w", err)
	}
	if c.PollTime > 10*time.Millisecond {
		bad("PollTime: %v would burn a processor", c.PollTime)
	}
	return errors.Join(errs...)
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	set(&c.Listen, "127.0.0.1:0")
	set(&c.TickTime, 60*time.Second)
	set(&c.SetupTime, 7*time.Second)
	set(&c.MaxMessage, 128<<20)
	set(&c.LinkBuffer, 1<<20)
	set(&c.MaxPending, 64)
	set(&c.MaxPendingPerHost, max(1, c.MaxPending/2))
	set(&c.MaxFailures, 30)
	set(&c.RetryMin, 250*time.Millisecond)
	set(&c.RetryMax, max(30*time.Second, c.RetryMin))
	set(&c.Limits, etf.DefaultLimits())
	if c.Network == nil {
		c.Network = TCP{}
	}
	if c.Names == nil {
		c.Names = &EPMD{}
	}
	return c
}

// set gives what is zero its default.
func set[T comparable](p *T, def T) {
	var zero T
	if *p == zero {
		*p = def
	}
}

// cookie returns the cookie, from where c says.
func (c Config) cookie() (string, error) {
	if c.Cookie != "" {
		return c.Cookie, nil
	}
	if c.CookieFile != "" {
		return readCookie(c.CookieFile)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("dist: no cookie given and no home to read one from: %w", err)
	}
	return homeCookie(strings.TrimSuffix(home, "/") + "/.erlang.cookie")
}

// SPDX-License-Identifier: Apache-2.0

package nats

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// sayEvery is how often a node announces itself unasked, which mends whatever was missed.
	sayEvery = 10 * time.Second
	// maxAddr is how long an address is, and most how many messages wait to be read.
	maxAddr = 300
	most    = 4096
)

// Nodes finds the nodes that announce themselves on a subject of NATS, and announces this one. It is a cluster.Discovery and a
// cluster.Announcer. Who begins to look asks, and who is there answers at once.
type Nodes struct {
	// Conn is the program's connection. It stays the caller's, who closes it after the cluster has stopped.
	Conn *nats.Conn
	// Subject is a cluster's own; Subject.who and Subject.here are used. Default "banyan.nodes".
	Subject string
}

func (n Nodes) subject(word string) string {
	s := n.Subject
	if s == "" {
		s = "banyan.nodes"
	}
	return s + "." + word
}

// Discover asks who is there, and finds whoever says so, until ctx ends.
func (n Nodes) Discover(ctx context.Context, found func([]string)) error {
	heard := make(chan *nats.Msg, most) // what does not fit is said again
	sub, err := n.Conn.ChanSubscribe(n.subject("here"), heard)
	if err != nil {
		return fmt.Errorf("nats: subscribing to %s: %w", n.subject("here"), err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	again := time.NewTicker(sayEvery)
	defer again.Stop()
	for {
		if err := n.Conn.Publish(n.subject("who"), nil); err != nil {
			return fmt.Errorf("nats: asking on %s: %w", n.subject("who"), err)
		}
		for asked := true; asked; {
			select {
			case m := <-heard:
				if len(m.Data) > 0 && len(m.Data) <= maxAddr {
					found([]string{string(m.Data)})
				}
			case <-again.C:
				asked = false
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// Announce says addr when somebody asks, and now and then, until ctx ends. A connection that is lost and comes back goes on.
func (n Nodes) Announce(ctx context.Context, addr string) error {
	asked := make(chan *nats.Msg, 1) // however many ask at once, one answer is heard by all
	sub, err := n.Conn.ChanSubscribe(n.subject("who"), asked)
	if err != nil {
		return fmt.Errorf("nats: subscribing to %s: %w", n.subject("who"), err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	again := time.NewTicker(sayEvery)
	defer again.Stop()
	for {
		if err := n.Conn.Publish(n.subject("here"), []byte(addr)); err != nil && n.Conn.IsClosed() {
			return fmt.Errorf("nats: %w", err)
		}
		select {
		case <-asked:
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}

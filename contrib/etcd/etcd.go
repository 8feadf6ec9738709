// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// lease is for how long a node is found after it has gone without a word, in seconds.
	lease = 15
	// askEvery is how often the list is read although no change was told, which mends whatever was missed.
	askEvery = 10 * time.Second
	// askFor bounds one question.
	askFor = 5 * time.Second
	// pause is before a lost lease is tried again.
	pause = time.Second
	// most is how many nodes are read, and maxAddr how long an address is.
	most    = 4096
	maxAddr = 300
)

// Nodes finds the nodes that announce themselves in etcd, and announces this one. It is a cluster.Discovery and a
// cluster.Announcer.
type Nodes struct {
	// Client is the program's client. It stays the caller's, who closes it after the cluster has stopped.
	Client *clientv3.Client
	// Prefix is that of the keys, a cluster's own: one key for each node, whose value is its address. Default "/banyan/nodes/".
	Prefix string
}

func (n Nodes) prefix() string {
	if n.Prefix == "" {
		return "/banyan/nodes/"
	}
	return n.Prefix
}

// Discover finds what is announced, at once and whenever it changes, until ctx ends. An etcd that cannot be asked is an error.
func (n Nodes) Discover(ctx context.Context, found func([]string)) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	changes := n.Client.Watch(ctx, n.prefix(), clientv3.WithPrefix())
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		addrs, err := n.ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("etcd: the nodes below %q: %w", n.prefix(), err)
		}
		found(addrs)
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		case w, ok := <-changes:
			if err := w.Err(); err != nil || !ok {
				if ctx.Err() != nil {
					return nil
				}
				return fmt.Errorf("etcd: watching %q: %w", n.prefix(), errors.Join(err, errEnded(ok)))
			}
		}
	}
}

func errEnded(ok bool) error {
	if ok {
		return nil
	}
	return errors.New("it ended")
}

func (n Nodes) ask(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	r, err := n.Client.Get(ctx, n.prefix(), clientv3.WithPrefix(), clientv3.WithLimit(most))
	if err != nil {
		return nil, err
	}
	return addresses(r.Kvs), nil
}

// addresses are the values that can be some; the cluster looks closer.
func addresses(list []*mvccpb.KeyValue) (addrs []string) {
	for _, kv := range list {
		if len(kv.Value) > 0 && len(kv.Value) <= maxAddr {
			addrs = append(addrs, string(kv.Value))
		}
	}
	return addrs
}

// Announce keeps addr below the prefix, with a lease that ends soon after this program does, until ctx ends; then it takes it
// away. While etcd cannot be reached it tries on.
func (n Nodes) Announce(ctx context.Context, addr string) error {
	for ctx.Err() == nil {
		if err := n.hold(ctx, addr); err != nil && ctx.Err() == nil {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// hold announces addr until its lease is lost or ctx ends.
func (n Nodes) hold(ctx context.Context, addr string) error {
	bound, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	l, err := n.Client.Grant(bound, lease)
	if err != nil {
		return err
	}
	defer n.revoke(l.ID)
	h := fnv.New64a()
	io.WriteString(h, addr)
	if _, err := n.Client.Put(bound, fmt.Sprintf("%s%016x", n.prefix(), h.Sum64()), addr, clientv3.WithLease(l.ID)); err != nil {
		return err
	}
	alive, err := n.Client.KeepAlive(ctx, l.ID)
	if err != nil {
		return err
	}
	for range alive { // it is closed when the lease is lost, and when ctx ends
	}
	return errors.New("the lease is lost")
}

// revoke takes the key away with its lease; else it ends by itself.
func (n Nodes) revoke(id clientv3.LeaseID) {
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	_, _ = n.Client.Revoke(ctx, id)
}

// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"

	"github.com/banyan-go/banyan/cluster/internal/gossip"
)

var (
	// ErrNameInUse: another node of this name is alive. Stop that one, or give this one another name.
	ErrNameInUse = errors.New("another node of this name is alive: stop it, or give this one another name")
	// ErrReplaced: this node was given up and a successor of its name has taken its place. Start it anew.
	ErrReplaced = errors.New("this node was given up, and a successor of its name has taken its place: start it anew")
	// ErrLeft: this node has left the cluster.
	ErrLeft = errors.New("this node has left the cluster")
	// ErrUndrained: the node was taken back into service while it drained.
	ErrUndrained = errors.New("the node was taken back into service")
	// ErrNoCluster: the node takes no part in a cluster, or has left it.
	ErrNoCluster = errors.New("the node takes no part in a cluster")
	// ErrUnknown: there is no member of that name.
	ErrUnknown = errors.New("no member of that name")
	// ErrReachable: the member answers, so it cannot be declared down. Stop or drain it.
	ErrReachable = errors.New("the member answers: stop or drain it")
	// ErrOtherCluster: who answered belongs to a cluster of another name. The error that wraps it names both.
	ErrOtherCluster = gossip.ErrOtherCluster
	// ErrSecret: who answered has another secret, or none.
	ErrSecret = gossip.ErrSecret
)

// RefusedError says who does not get together with this node, and why: ErrOtherCluster, ErrSecret, or it does not speak this
// protocol.
type RefusedError = gossip.RefusedError

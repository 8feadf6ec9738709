// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	"github.com/banyan-go/banyan"
)

// registered are the constructors of pools, by name.
var registered sync.Map // string to reflect.Type

// Register makes a pool's constructor known to this program, so that its nodes can have workers of the pool. Pool does it by
// itself; a program that only lends its nodes calls Register, at start-up. It is banyan.RegisterSpawn and something more, so
// leave that out. It panics if the name is another one's.
func Register[S any](name string, start func(context.Context, *banyan.Self) (S, error)) {
	t := reflect.TypeFor[S]()
	if old, known := registered.LoadOrStore(name, t); known {
		if old != t {
			panic(fmt.Sprintf("route: register pool %q: it is of %v already", name, old))
		}
		return
	}
	banyan.RegisterSpawn(name, start)
	banyan.RegisterCast[retire[S]]("banyan_retire")
}

// retire ends a worker once it has handled all that was queued before.
type retire[S any] struct{}

// Cast ends it, in good order.
func (retire[S]) Cast(_ S, self *banyan.Self) error {
	self.Stop(banyan.ErrShutdown)
	return nil
}

func init() {
	banyan.RegisterCall[members]("members")
	banyan.RegisterCall[explain]("explain")
	banyan.RegisterCall[follow]("follow")
	banyan.RegisterType[Moved]()
	banyan.RegisterError("route.followers", ErrFollowers)
	banyan.RegisterType[Placement]()
	banyan.RegisterType[SlotInfo]()
	banyan.RegisterType[Candidate]()
	banyan.RegisterError("route.no_target", ErrNoTarget)
	banyan.RegisterError("route.no_node", ErrNoNode)
}

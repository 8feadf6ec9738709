// SPDX-License-Identifier: Apache-2.0

package members

import (
	"fmt"
	"slices"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/route"
)

// Of is the members of a cluster, as long as the node takes part in it. Then it stays as it was last.
func Of(c *cluster.Cluster) (route.Nodes, error) {
	list := route.NewStatic(all(c)...)
	_, err := banyan.Go(c.Node(), func(self *banyan.Self) error {
		self.MonitorNodes(true)
		defer c.Monitor(self)()
		last := []route.NodeInfo(nil)
		for {
			if now := all(c); !slices.Equal(now, last) {
				last = now
				list.Set(now...)
			}
			if _, err := self.Receive(self); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("members of the cluster: %w", err)
	}
	return list, nil
}

// all is who is there now.
func all(c *cluster.Cluster) []route.NodeInfo {
	var list []route.NodeInfo
	for m := range c.Members() {
		if info, ok := infoOf(m, c.Node().Draining(m.Name)); ok {
			list = append(list, info)
		}
	}
	return list
}

// infoOf is a member as routers and pools see it; false if it is none for them.
func infoOf(m cluster.Member, draining bool) (route.NodeInfo, bool) {
	info := route.NodeInfo{Name: m.Name, Zone: m.Zone, Weight: m.Weight}
	switch {
	case m.State.Over() || m.State == cluster.Joining:
		return info, false
	case m.State == cluster.Draining || draining:
		info.State = route.Draining
	case m.Reach != cluster.Reachable:
		info.State = route.Suspect
	}
	return info, true
}

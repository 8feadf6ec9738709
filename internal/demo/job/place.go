// SPDX-License-Identifier: Apache-2.0

package job

// Place spreads shards evenly over nodes, which must be in order, and moves as few as it can: a shard stays where old says
// it is unless that node is gone or has too many. With no nodes no shard has a place.
func Place(shards int, nodes []string, old map[int]string) map[int]string {
	place := make(map[int]string, shards)
	if len(nodes) == 0 {
		return place
	}
	most := map[string]int{} // how many shards each node may keep
	for i, n := range nodes {
		most[n] = shards / len(nodes)
		if i < shards%len(nodes) {
			most[n]++
		}
	}
	for s := range shards {
		if n, ok := old[s]; ok && most[n] > 0 {
			place[s] = n
			most[n]--
		}
	}
	i := 0
	for s := range shards {
		if _, ok := place[s]; ok {
			continue
		}
		for most[nodes[i]] == 0 {
			i++
		}
		place[s] = nodes[i]
		most[nodes[i]]--
	}
	return place
}

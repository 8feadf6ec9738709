// SPDX-License-Identifier: Apache-2.0

// Command soak runs the long form of the simulations of package db: whole clusters of raft hosts under a nemesis, one seed
// after the other, until the time is up or something was violated.
//
//	go run ./internal/soak --minutes 10 --seed 1
//	go run ./internal/soak --seeds 3000 --replay --minutes 60   # each seed twice: it must be one run
//	go run ./internal/soak --cuts 500                           # the power goes for all nodes at once, at a sync of one
//	go run ./internal/soak --damage 20                          # a bit flips in each kind of file of one node
//	go run ./internal/soak --processes --minutes 10 --seed 1    # five real nodes in network namespaces; as root
//
// It ends with 0 if nothing was violated, and names the seed if something was:
//
//	go test ./db/internal/box -run TestSeeds -args -seed 17 -seeds 1 -text
package main

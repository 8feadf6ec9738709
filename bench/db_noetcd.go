// SPDX-License-Identifier: Apache-2.0

//go:build noetcd

package main

import "errors"

// etcdMembers is for a build without etcd, which takes minutes to compile where nothing is cached: rows that want it end with an error.
func etcdMembers(int) func(*bench, string) dbStore {
	return func(b *bench, _ string) dbStore {
		b.must(errors.New("built without etcd, by -tags noetcd"))
		panic("not reached")
	}
}

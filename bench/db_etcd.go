// SPDX-License-Identifier: Apache-2.0

//go:build !noetcd

package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/server/v3/embed"
)

// etcdMembers is an embedded etcd, asked at the member that leads, without a network between it and the clients.
func etcdMembers(n int) func(*bench, string) dbStore {
	return func(b *bench, dir string) dbStore {
		var peers []*url.URL
		var initial []string
		for i := range n {
			port, err := freePort()
			b.must(err)
			u := &url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(port)}
			peers = append(peers, u)
			initial = append(initial, fmt.Sprintf("m%d=%s", i, u))
		}
		var members []*embed.Etcd
		for i := range n {
			c := embed.NewConfig()
			c.Name, c.Dir = fmt.Sprint("m", i), filepath.Join(dir, fmt.Sprint("m", i))
			c.LogLevel, c.LogOutputs = "fatal", []string{"/dev/null"}
			port, err := freePort()
			b.must(err)
			client := url.URL{Scheme: "http", Host: "127.0.0.1:" + strconv.Itoa(port)}
			c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
			c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{*peers[i]}, []url.URL{*peers[i]}
			c.InitialCluster = strings.Join(initial, ",")
			c.QuotaBackendBytes = 8 << 30
			e, err := embed.StartEtcd(c)
			b.must(err)
			members = append(members, e)
		}
		for _, e := range members {
			select {
			case <-e.Server.ReadyNotify():
			case <-time.After(30 * time.Second):
				b.failf("etcd does not come up")
			}
		}
		lead := members[0]
		for _, e := range members {
			if e.Server.Leader() == e.Server.MemberID() {
				lead = e
			}
		}
		return etcdStore(lead, members)
	}
}

func etcdStore(lead *embed.Etcd, members []*embed.Etcd) dbStore {
	key := func(k int) []byte { return fmt.Appendf(nil, "key%08d", k) }
	put := func(k int, value []byte) *pb.RequestOp {
		return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: &pb.PutRequest{Key: key(k), Value: value}}}
	}
	return dbStore{
		put: func(ctx context.Context, k int, value []byte) error {
			_, err := lead.Server.Put(ctx, &pb.PutRequest{Key: key(k), Value: value})
			return err
		},
		pair: func(ctx context.Context, a, b int, value []byte) error {
			_, err := lead.Server.Txn(ctx, &pb.TxnRequest{Success: []*pb.RequestOp{put(a, value), put(b, value)}})
			return err
		},
		size: func(ctx context.Context) (int, error) {
			r, err := lead.Server.Range(ctx, &pb.RangeRequest{Key: []byte("key"), RangeEnd: []byte("kez"), CountOnly: true})
			if err != nil {
				return 0, err
			}
			return int(r.Count), nil
		},
		close: func() {
			for _, e := range members {
				e.Close()
			}
		},
	}
}

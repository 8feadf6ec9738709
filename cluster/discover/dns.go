// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"
)

// askEvery is how often DNS is asked.
const askEvery = 5 * time.Second

// Resolver asks DNS; *net.Resolver is one.
type Resolver interface {
	LookupHost(ctx context.Context, host string) (addrs []string, err error)
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// DNS finds the addresses of a name: all its A and AAAA records with Port, or with SRV the hosts and ports of its SRV records.
type DNS struct {
	// Name is the name to ask for; with SRV the whole one, such as _gossip._tcp.shop.internal.
	Name string
	// Port goes with each address. Default 7946. Of no meaning with SRV.
	Port uint16
	// SRV asks for SRV records.
	SRV bool
	// Resolver is who is asked. Default net.DefaultResolver.
	Resolver Resolver
}

// Discover asks until ctx ends. An answer that fails or is empty changes nothing; it is asked again.
func (d DNS) Discover(ctx context.Context, found func([]string)) error {
	return every(ctx, askEvery, func() {
		bound, cancel := context.WithTimeout(ctx, askEvery)
		defer cancel()
		if addrs := d.ask(bound); len(addrs) > 0 {
			found(addrs)
		}
	})
}

// ask is one question. What came with an error is used as well: part of an answer is better than none.
func (d DNS) ask(ctx context.Context) (addrs []string) {
	var r Resolver = net.DefaultResolver
	if d.Resolver != nil {
		r = d.Resolver
	}
	if d.SRV {
		_, list, _ := r.LookupSRV(ctx, "", "", d.Name)
		for _, s := range list {
			if s != nil && s.Port != 0 {
				addrs = append(addrs, net.JoinHostPort(strings.TrimSuffix(s.Target, "."), strconv.Itoa(int(s.Port))))
			}
		}
		return addrs
	}
	port := d.Port
	if port == 0 {
		port = 7946
	}
	list, _ := r.LookupHost(ctx, d.Name)
	for _, host := range list {
		addrs = append(addrs, net.JoinHostPort(host, strconv.Itoa(int(port))))
	}
	return addrs
}

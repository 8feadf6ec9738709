// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"fmt"
	"hash/fnv"
	"net"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

const (
	mdnsTTL  = 120 // seconds that others may keep an answer, RFC 6762 10
	mdnsMost = 64  // addresses of one packet
)

// mdnsQuestion asks who has a service.
func mdnsQuestion(service string) ([]byte, error) {
	m := new(dns.Msg)
	m.SetQuestion(service, dns.TypePTR)
	m.Id, m.RecursionDesired = 0, false // RFC 6762 18
	b, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("mdns: the service %s: %w", service, err)
	}
	return b, nil
}

// mdnsAsks reports whether a packet is such a question.
func mdnsAsks(packet []byte, service string) bool {
	m := new(dns.Msg)
	if m.Unpack(packet) != nil || m.Response {
		return false
	}
	for _, q := range m.Question {
		if (q.Qtype == dns.TypePTR || q.Qtype == dns.TypeANY) && strings.EqualFold(q.Name, service) {
			return true
		}
	}
	return false
}

// mdnsAnswer says that a service is at addr: a PTR from the service to an instance of its own, its SRV, and the address of that.
func mdnsAnswer(service, addr string) ([]byte, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("mdns: %w", err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("mdns: the port of %s: %w", addr, err)
	}
	h := fnv.New64a()
	h.Write([]byte(addr))
	id := fmt.Sprintf("banyan-%016x", h.Sum64())
	instance, target := id+"."+service, id+".local."
	head := func(name string, kind uint16) dns.RR_Header {
		return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: mdnsTTL}
	}
	m := new(dns.Msg)
	m.Response, m.Authoritative = true, true
	switch ip := net.ParseIP(host); {
	case ip == nil:
		target = dns.Fqdn(host)
	case ip.To4() != nil:
		m.Extra = append(m.Extra, &dns.A{Hdr: head(target, dns.TypeA), A: ip.To4()})
	default:
		m.Extra = append(m.Extra, &dns.AAAA{Hdr: head(target, dns.TypeAAAA), AAAA: ip})
	}
	m.Answer = []dns.RR{&dns.PTR{Hdr: head(service, dns.TypePTR), Ptr: instance},
		&dns.SRV{Hdr: head(instance, dns.TypeSRV), Port: uint16(port), Target: target},
		&dns.TXT{Hdr: head(instance, dns.TypeTXT), Txt: []string{""}}}
	b, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("mdns: the address %s: %w", addr, err)
	}
	return b, nil
}

// mdnsAddresses are those of a service in a packet, whoever sent it and whatever else it has. An instance that takes leave, with a TTL of 0,
// is none.
func mdnsAddresses(packet []byte, service string) (addrs []string) {
	m := new(dns.Msg)
	if m.Unpack(packet) != nil || !m.Response {
		return nil
	}
	hosts := map[string][]string{}
	var found []*dns.SRV
	for _, list := range [][]dns.RR{m.Answer, m.Extra} {
		for _, rr := range list {
			name := strings.ToLower(rr.Header().Name)
			switch rr := rr.(type) {
			case *dns.A:
				hosts[name] = append(hosts[name], rr.A.String())
			case *dns.AAAA:
				hosts[name] = append(hosts[name], rr.AAAA.String())
			case *dns.SRV:
				if strings.HasSuffix(name, "."+strings.ToLower(service)) && rr.Hdr.Ttl > 0 && rr.Port != 0 {
					found = append(found, rr)
				}
			}
		}
	}
	for _, srv := range found {
		names := hosts[strings.ToLower(srv.Target)]
		if name := strings.TrimSuffix(srv.Target, "."); names == nil && name != "" {
			names = []string{name}
		}
		for _, host := range names {
			if len(addrs) < mdnsMost {
				addrs = append(addrs, net.JoinHostPort(host, strconv.Itoa(int(srv.Port))))
			}
		}
	}
	return addrs
}

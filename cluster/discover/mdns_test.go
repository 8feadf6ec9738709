// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"context"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestMDNS runs real multicast on loopback: who is there before is found, and who comes after, and another service's node is not.
func TestMDNS(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems have no multicast on loopback by this name")
	}
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // a port that nobody else has
	if err != nil {
		t.Fatal(err)
	}
	m := MDNS{Interface: "lo", port: c.LocalAddr().(*net.UDPAddr).Port}
	c.Close()
	other := m
	other.Service = "_other._tcp"
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	jobs := 0
	run := func(f func() error) {
		jobs++
		go func() { ended <- f() }()
	}
	defer func() {
		cancel()
		for range jobs {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	found := make(chan []string, 1000)
	await := func(addr string) {
		t.Helper()
		for limit := time.After(30 * time.Second); ; {
			select {
			case list := <-found:
				if slices.ContainsFunc(list, func(a string) bool { return strings.HasPrefix(a, "10.9.") }) {
					t.Fatal("found a node of another service:", list)
				}
				if slices.Contains(list, addr) {
					return
				}
			case <-limit:
				t.Fatal("not found:", addr)
			}
		}
	}
	run(func() error { return other.Announce(ctx, "10.9.9.9:7946") })
	run(func() error { return m.Announce(ctx, "10.0.0.1:7946") })
	run(func() error {
		return m.Discover(ctx, func(list []string) { found <- list })
	})
	await("10.0.0.1:7946")
	run(func() error { return m.Announce(ctx, "[fd00::2]:7947") })
	await("[fd00::2]:7947")
	run(func() error { return m.Announce(ctx, "node3.example:7948") })
	await("node3.example:7948")
}

// TestMDNSPackets: what others may send, by mistake or not.
func TestMDNSPackets(t *testing.T) {
	const service = "_banyan._tcp.local."
	good, err := mdnsAnswer(service, "10.0.0.1:7946")
	if err != nil {
		t.Fatal(err)
	}
	question, err := mdnsQuestion(service)
	if err != nil {
		t.Fatal(err)
	}
	if !mdnsAsks(question, service) || mdnsAsks(question, "_other._tcp.local.") || mdnsAsks(good, service) {
		t.Error("a question is not known for one")
	}
	change := func(f func(*dns.Msg)) []byte {
		m := new(dns.Msg)
		if err := m.Unpack(good); err != nil {
			t.Fatal(err)
		}
		f(m)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, tc := range map[string]struct {
		packet []byte
		want   []string
	}{
		"as it is":     {good, []string{"10.0.0.1:7946"}},
		"other case":   {change(func(m *dns.Msg) { m.Answer[1].Header().Name = strings.ToUpper(m.Answer[1].Header().Name) }), []string{"10.0.0.1:7946"}},
		"empty":        {nil, nil},
		"noise":        {[]byte(strings.Repeat("\xff", 600)), nil},
		"a question":   {question, nil},
		"no response":  {change(func(m *dns.Msg) { m.Response = false }), nil},
		"leaves":       {change(func(m *dns.Msg) { m.Answer[1].Header().Ttl = 0 }), nil},
		"no port":      {change(func(m *dns.Msg) { m.Answer[1].(*dns.SRV).Port = 0 }), nil},
		"no SRV":       {change(func(m *dns.Msg) { m.Answer = m.Answer[:1] }), nil},
		"root target":  {change(func(m *dns.Msg) { m.Answer[1].(*dns.SRV).Target = "." }), nil},
		"other's SRV":  {change(func(m *dns.Msg) { m.Answer[1].Header().Name = "x._ipp._tcp.local." }), nil},
		"a suffix":     {change(func(m *dns.Msg) { m.Answer[1].Header().Name = "evil_banyan._tcp.local." }), nil},
		"many records": {change(func(m *dns.Msg) { m.Answer = slices.Repeat(m.Answer, 100) }), slices.Repeat([]string{"10.0.0.1:7946"}, mdnsMost)},
	} {
		if got := mdnsAddresses(tc.packet, service); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	for n := range good { // cut off anywhere
		if got := mdnsAddresses(good[:n], service); got != nil && !slices.Equal(got, []string{"10.0.0.1:7946"}) {
			// the last record is the address; without it the name stands for it, and that leads nowhere
			if !strings.HasPrefix(got[0], "banyan-") {
				t.Errorf("%d bytes: %v", n, got)
			}
		}
	}
	for _, addr := range []string{"nowhere", "10.0.0.1:x", strings.Repeat("x", 300) + ":1"} {
		if _, err := mdnsAnswer(service, addr); err == nil {
			t.Error("announced", addr)
		}
	}
	if err := (MDNS{Interface: "no-such-interface"}).Discover(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "no-such-interface") {
		t.Error(err)
	}
}

// SPDX-License-Identifier: Apache-2.0

package simnet_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan/internal/simnet"
)

// pair connects host a to host b and gives both ends.
func pair(t *testing.T, n *simnet.Network) (a, b net.Conn) {
	t.Helper()
	l, err := n.Host("b").Listen(":0")
	if err != nil {
		t.Fatal(err)
	}
	a, err = n.Host("a").Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// bubble runs a test in virtual time, on a network whose latency is 10 ms sharp.
func bubble(t *testing.T, f func(t *testing.T, n *simnet.Network)) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		n.SetDefault(simnet.Link{Min: 10 * time.Millisecond})
		f(t, n)
	})
}

func read(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("read %q, %v; want %q", b, err, want)
	}
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if n, err := c.Write([]byte(s)); err != nil || n != len(s) {
		t.Fatalf("wrote %d, %v", n, err)
	}
}

func took(t *testing.T, start time.Time, want time.Duration) {
	t.Helper()
	if d := time.Since(start); d != want {
		t.Fatalf("took %v, want %v", d, want)
	}
}

func TestLatencyAndOrder(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		start := time.Now()
		a, b := pair(t, n)
		took(t, start, 20*time.Millisecond) // a round trip
		n.SetLink("a", "b", simnet.Link{Min: time.Millisecond, Max: time.Second})
		for i := range 100 {
			write(t, a, string(rune('a'+i%26)))
		}
		for i := range 100 {
			read(t, b, string(rune('a'+i%26)))
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Fatal(err)
		}
	})
}

func TestOneSeedOneNetwork(t *testing.T) {
	run := func(seed uint64) (arrivals []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			n := simnet.New(seed)
			n.SetDefault(simnet.Link{Min: 0, Max: time.Second})
			a, b := pair(t, n)
			start := time.Now()
			for range 20 {
				write(t, a, "x")
				read(t, b, "x")
				arrivals = append(arrivals, time.Since(start))
			}
		})
		return arrivals
	}
	first, again, other := run(1), run(1), run(2)
	same := true
	for i := range first {
		if first[i] != again[i] {
			t.Fatalf("seed 1 gave %v and %v", first, again)
		}
		same = same && first[i] == other[i]
	}
	if same {
		t.Fatal("seeds 1 and 2 gave the same")
	}
}

func TestBandwidth(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, b := pair(t, n)
		n.SetLink("a", "b", simnet.Link{Bandwidth: 1000})
		start := time.Now()
		for range 4 {
			write(t, a, string(make([]byte, 500)))
		}
		read(t, b, string(make([]byte, 2000)))
		took(t, start, 2*time.Second)
	})
}

func TestFullBufferHoldsTheWriter(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetBuffer(100)
		a, b := pair(t, n)
		done := make(chan error, 1)
		go func() {
			_, err := a.Write(bytes.Repeat([]byte("0123456789"), 100))
			done <- err
		}()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("1000 bytes went into a buffer of 100: %v", err)
		default:
		}
		for range 100 {
			read(t, b, "0123456789")
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestPartitionStallsAndHealGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, b := pair(t, n)
		write(t, a, "before")
		n.Partition("a", "b")
		write(t, a, "during")
		b.SetReadDeadline(time.Now().Add(time.Hour))
		if k, err := b.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%d bytes came through, %v", k, err)
		}
		b.SetReadDeadline(time.Time{})
		start := time.Now()
		n.Heal("a", "b")
		read(t, b, "beforeduring")
		took(t, start, 10*time.Millisecond)
		write(t, b, "back")
		read(t, a, "back")
	})
}

func TestDropIsOneWay(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, b := pair(t, n)
		n.Drop("a", "b")
		write(t, a, "lost for now")
		write(t, b, "there")
		read(t, a, "there")
		b.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		b.SetReadDeadline(time.Time{})
		n.HealAll()
		read(t, b, "lost for now")
	})
}

func TestPartitionResetBreaksOnHeal(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, b := pair(t, n)
		n.PartitionReset("a", "b")
		write(t, a, "x")
		n.Heal("a", "b")
		for _, c := range []net.Conn{a, b} {
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Fatal(err)
			}
		}
	})
}

func TestResetIsSeenByReaderAndWriter(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetBuffer(10)
		a, b := pair(t, n)
		errs := make(chan error, 2)
		go func() { _, err := a.Write(make([]byte, 1000)); errs <- err }()
		go func() { _, err := a.Read(make([]byte, 1)); errs <- err }()
		synctest.Wait()
		n.Reset("a", "b")
		for range 2 {
			if err := <-errs; !errors.Is(err, syscall.ECONNRESET) {
				t.Fatal(err)
			}
		}
		read(t, b, "") // what had arrived may still be read
	})
}

func TestKill(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, b := pair(t, n)
		l, err := n.Host("b").Listen(":80")
		if err != nil {
			t.Fatal(err)
		}
		write(t, b, "last words")
		start := time.Now()
		n.Host("b").Kill()
		read(t, a, "last words")
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
		took(t, start, 10*time.Millisecond)
		if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
		if _, err := b.Write([]byte("x")); err == nil {
			t.Fatal("the dead write")
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
		if _, err := n.Host("a").Dial(t.Context(), "b:80"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
		n.Host("b").Revive()
		if _, err := n.Host("b").Listen(":80"); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Host("a").Dial(t.Context(), "b:80"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestKillBehindAPartitionIsSeenWhenItHeals(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, _ := pair(t, n)
		n.Partition("a", "b")
		n.Host("b").Kill()
		a.SetReadDeadline(time.Now().Add(time.Hour))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		a.SetReadDeadline(time.Time{})
		n.Heal("a", "b")
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
	})
}

func TestDialWaitsForAPartition(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		l, err := n.Host("b").Listen(":80")
		if err != nil {
			t.Fatal(err)
		}
		n.Partition("a", "b")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := n.Host("a").Dial(ctx, l.Addr().String()); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		took(t, start, time.Minute)
		time.AfterFunc(time.Second, func() { n.Heal("a", "b") })
		if _, err := n.Host("a").Dial(t.Context(), l.Addr().String()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWritingToAClosedEndIsReset(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, b := pair(t, n)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Read(nil); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
		write(t, a, "nobody reads this") // as with TCP, the first write is not told
		if _, err := a.Read(make([]byte, 1)); err != io.EOF {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if _, err := a.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
	})
}

func TestDeadlineWakesWhoWaits(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, _ := pair(t, n)
		errs := make(chan error, 1)
		go func() { _, err := a.Read(make([]byte, 1)); errs <- err }()
		synctest.Wait()
		a.SetDeadline(time.Now())
		err := <-errs
		var ne net.Error
		if !errors.As(err, &ne) || !ne.Timeout() {
			t.Fatal(err)
		}
	})
}

func TestAddressesAndRefusals(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		h := n.Host("x@y")
		l, err := h.Listen("ignored:7")
		if err != nil {
			t.Fatal(err)
		}
		if host, port, err := net.SplitHostPort(l.Addr().String()); host != "x@y" || port != "7" || err != nil {
			t.Fatal(l.Addr(), err)
		}
		if _, err := h.Listen(":7"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
		if _, err := h.Dial(t.Context(), "nowhere:7"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
		if _, err := h.Dial(t.Context(), "noport"); err == nil {
			t.Fatal("dialled an address without a port")
		}
	})
}

// sockets are two hosts with a socket for packets each.
func sockets(t *testing.T, n *simnet.Network) (a, b net.PacketConn) {
	t.Helper()
	var c [2]net.PacketConn
	for i, name := range []string{"a", "b"} {
		var err error
		if c[i], err = n.Host(name).ListenPacket(":0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c[i].Close() })
	}
	return c[0], c[1]
}

// heard is how many packets come within a second.
func heard(t *testing.T, c net.PacketConn) (n int) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Second))
	for {
		if _, _, err := c.ReadFrom(make([]byte, 100)); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			return n
		}
		n++
	}
}

func TestPackets(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, b := sockets(t, n)
		send := func(times int) {
			t.Helper()
			for range times {
				if _, err := a.WriteTo([]byte("hello"), b.LocalAddr()); err != nil {
					t.Fatal(err)
				}
			}
		}
		start := time.Now()
		send(1)
		buf := make([]byte, 100)
		k, from, err := b.ReadFrom(buf)
		if err != nil || string(buf[:k]) != "hello" || from.String() != a.LocalAddr().String() {
			t.Fatal(string(buf[:k]), from, err)
		}
		took(t, start, 10*time.Millisecond)
		n.SetLoss("a", "b", 0.5)
		send(1000)
		if k := heard(t, b); k < 400 || k > 600 {
			t.Fatalf("%d of 1000 packets came over a way that loses half", k)
		}
		n.SetLoss("a", "b", 0)
		n.Drop("a", "b")
		send(10)
		n.Heal("a", "b")
		if k := heard(t, b); k != 0 {
			t.Fatalf("%d packets came over a way that was cut", k)
		}
		n.Host("b").Kill()
		send(1)
		if _, _, err := b.ReadFrom(buf); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	})
}

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"os"
)

// The plain Go side of the paired tests: framed messages over TCP, a length before each.

// dial connects to the server.
func (b *bench) dial() net.Conn {
	c, err := net.Dial("tcp", b.peer)
	b.must(err)
	return c
}

// listen serves each connection in a goroutine of its own until the driver ends the server.
func (b *bench) listen(serve func(c net.Conn)) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	b.must(err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	b.ready(l.Addr().String())
}

// plainEchoServer sends back numbers of eight bytes.
func plainEchoServer(b *bench) { b.listen(echo) }

func echo(c net.Conn) {
	var word [8]byte
	r := bufio.NewReader(c)
	for {
		if _, err := io.ReadFull(r, word[:]); err != nil {
			return
		}
		if _, err := c.Write(word[:]); err != nil {
			return
		}
	}
}

// roundTrip sends a number and checks that it comes back.
func (b *bench) roundTrip(c io.Writer, r io.Reader, n int) {
	var word [8]byte
	binary.BigEndian.PutUint64(word[:], uint64(n))
	_, err := c.Write(word[:])
	b.must(err)
	_, err = io.ReadFull(r, word[:])
	b.must(err)
	b.equal("echo", int(binary.BigEndian.Uint64(word[:])), n)
}

// plainSinkServer counts messages.
func plainSinkServer(b *bench) { b.listen(sink) }

// sink answers a message of length 0 with the count of all others and the sum of their first words.
func sink(c net.Conn) {
	r := bufio.NewReaderSize(c, 64<<10)
	var count, sum uint64
	var head [4]byte
	buf := make([]byte, 2<<20)
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(head[:])
		if n == 0 {
			var answer [16]byte
			binary.BigEndian.PutUint64(answer[:], count)
			binary.BigEndian.PutUint64(answer[8:], sum)
			if _, err := c.Write(answer[:]); err != nil {
				return
			}
			continue
		}
		if int(n) > len(buf) {
			buf = make([]byte, n)
		}
		if _, err := io.ReadFull(r, buf[:n]); err != nil {
			return
		}
		count++
		sum += binary.BigEndian.Uint64(buf)
	}
}

// totals asks a sink and checks its answer.
func (b *bench) totals(c net.Conn, n int) {
	_, err := c.Write(make([]byte, 4))
	b.must(err)
	var answer [16]byte
	_, err = io.ReadFull(c, answer[:])
	b.must(err)
	b.equal("messages", int(binary.BigEndian.Uint64(answer[:])), n)
	b.equal("sum", int(binary.BigEndian.Uint64(answer[8:])), n*(n-1)/2)
}

// frame fills a framed message of size bytes.
func frame(buf []byte, i int) []byte {
	binary.BigEndian.PutUint32(buf, uint32(len(buf)-4))
	binary.BigEndian.PutUint64(buf[4:], uint64(i))
	return buf
}

// writing is how a sender writes.
type writing int

const (
	blocks64K writing = iota
	vectors
	oneByOne
)

// send sends n messages with that many bytes of content.
func (b *bench) send(c net.Conn, n, size int, how writing) {
	buf := make([]byte, 4+size)
	switch how {
	case blocks64K:
		w := bufio.NewWriterSize(c, 64<<10)
		for i := range n {
			_, err := w.Write(frame(buf, i))
			b.must(err)
		}
		b.must(w.Flush())
	case oneByOne:
		for i := range n {
			_, err := c.Write(frame(buf, i))
			b.must(err)
		}
	case vectors:
		const batch = 512
		store := make([]byte, batch*len(buf))
		list := make(net.Buffers, 0, batch)
		for i := 0; i < n; {
			list = list[:0]
			for ; i < n && len(list) < batch; i++ {
				m := store[len(list)*len(buf):][:len(buf)]
				list = append(list, frame(m, i))
			}
			v := list
			_, err := v.WriteTo(c)
			b.must(err)
		}
	}
}

// cookie is the pair's secret.
func cookie() string { return os.Getenv("BENCH_COOKIE") }

// SPDX-License-Identifier: Apache-2.0

package epmd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Server is a daemon within this program. Make it with NewServer.
type Server struct {
	maxConns, maxNames int
	patience           time.Duration

	mu       sync.Mutex
	l        net.Listener          // guarded by mu
	conns    map[net.Conn]struct{} // guarded by mu
	names    map[string]Info       // guarded by mu
	creation uint32                // guarded by mu; the last one given out
	closed   bool                  // guarded by mu
	wg       sync.WaitGroup        // one per connection
}

// NewServer makes a daemon for at most 1024 connections and names, whose clients have 5 s to ask.
func NewServer() *Server {
	return &Server{maxConns: 1024, maxNames: 1024, patience: 5 * time.Second,
		conns: make(map[net.Conn]struct{}), names: make(map[string]Info), creation: uint32(time.Now().Unix())}
}

// Serve accepts from l until Close or an error of l, and closes l. It returns nil after Close. Call it once.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return l.Close()
	}
	s.l = l
	s.mu.Unlock()
	defer l.Close()
	for {
		conn, err := l.Accept()
		if err != nil {
			s.mu.Lock()
			closed := s.closed
			s.mu.Unlock()
			if closed {
				return nil
			}
			var again interface{ Temporary() bool }
			if errors.As(err, &again) && again.Temporary() {
				time.Sleep(10 * time.Millisecond) // out of file descriptors: they come back
				continue
			}
			return err
		}
		s.mu.Lock()
		if s.closed || len(s.conns) >= s.maxConns {
			s.mu.Unlock()
			conn.Close()
			continue
		}
		s.conns[conn] = struct{}{}
		s.wg.Add(1)
		s.mu.Unlock()
		go s.serve(conn)
	}
}

// Close ends the listener and all connections and waits for their goroutines. All names are gone with it.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	if s.l != nil {
		s.l.Close()
	}
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// serve answers one request; a registration lasts as long as its connection.
func (s *Server) serve(conn net.Conn) {
	defer s.wg.Done()
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	conn.SetDeadline(time.Now().Add(s.patience))
	body, err := readRequest(conn)
	if err != nil || len(body) == 0 {
		return
	}
	switch body[0] {
	case alive2Req:
		s.alive(conn, body[1:])
	case portPlease2Req:
		conn.Write(s.port(string(body[1:])))
	case namesReq:
		conn.Write(s.list(conn, "name %s at port %d\n"))
	case dumpReq:
		conn.Write(s.list(conn, "active name     %s at port %d, fd = 0\n"))
	case killReq:
		conn.Write([]byte("NO"))
	}
}

// readRequest reads one request with its length.
func readRequest(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(head[:]))
	if n > maxRequest {
		return nil, ErrProtocol
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}

// alive registers a node and holds the name until the connection ends.
func (s *Server) alive(conn net.Conn, body []byte) {
	info, err := parseInfo(body)
	if err != nil || !fromLoopback(conn) {
		return
	}
	creation, ok := s.take(info)
	result := byte(0)
	if !ok {
		result, creation = 1, 99 // 99 is what OTP's daemon puts there
	}
	if info.Highest >= 6 {
		conn.Write(binary.BigEndian.AppendUint32([]byte{alive2XResp, result}, creation))
	} else {
		conn.Write(binary.BigEndian.AppendUint16([]byte{alive2Resp, result}, uint16(creation%3+1)))
	}
	if !ok {
		return
	}
	conn.SetDeadline(time.Time{})
	io.Copy(io.Discard, conn)
	s.mu.Lock()
	delete(s.names, info.Name)
	s.mu.Unlock()
}

// take gives a name and a creation that no other registration of this daemon had.
func (s *Server) take(info Info) (creation uint32, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.names[info.Name]; taken || !validName(info.Name) || len(s.names) >= s.maxNames || s.closed {
		return 0, false
	}
	if s.creation++; s.creation < 4 {
		s.creation = 4
	}
	s.names[info.Name] = info
	return s.creation, true
}

// port answers PORT_PLEASE2_REQ.
func (s *Server) port(name string) []byte {
	s.mu.Lock()
	info, ok := s.names[name]
	s.mu.Unlock()
	if !ok {
		return []byte{port2Resp, 1}
	}
	return appendInfo([]byte{port2Resp, 0}, &info)
}

// list answers NAMES_REQ and DUMP_REQ: our own port, then a line a node.
func (s *Server) list(conn net.Conn, format string) []byte {
	port := uint32(0)
	if a, err := netip.ParseAddrPort(conn.LocalAddr().String()); err == nil {
		port = uint32(a.Port())
	}
	out := binary.BigEndian.AppendUint32(nil, port)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(s.names)) {
		out = fmt.Appendf(out, format, name, s.names[name].Port)
	}
	return out
}

// fromLoopback reports whether the client is on this host. What is no IP connection is a test's.
func fromLoopback(conn net.Conn) bool {
	a, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	return err != nil || a.Addr().Unmap().IsLoopback()
}

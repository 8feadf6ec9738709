// SPDX-License-Identifier: Apache-2.0

package epmd

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// Client asks one daemon.
type Client struct {
	// Addr is host:port of the daemon.
	Addr string
	// Dial connects; nil means TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Timeout bounds one request with its answer. Default 10 s, as OTP.
	Timeout time.Duration
}

// maxAnswer bounds what Names reads.
const maxAnswer = 1 << 20

// ask connects, writes body as a request and lets read have the answer. The connection is closed unless read keeps it.
func (c *Client) ask(ctx context.Context, body []byte, read func(net.Conn, *bufio.Reader) (keep bool, err error)) error {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dial := c.Dial
	if dial == nil {
		dial = func(ctx context.Context, addr string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", addr)
		}
	}
	conn, err := dial(ctx, c.Addr)
	if err != nil {
		return err
	}
	if at, ok := ctx.Deadline(); ok {
		conn.SetDeadline(at)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	keep := false
	if _, err = conn.Write(appendRequest(nil, body)); err == nil {
		keep, err = read(conn, bufio.NewReaderSize(conn, maxRequest))
	}
	if !stop() && err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if !keep || err != nil {
		conn.Close()
		return err
	}
	conn.SetDeadline(time.Time{})
	return nil
}

// Lookup asks for the node called name (the part before the @). ErrNotFound when there is none.
func (c *Client) Lookup(ctx context.Context, name string) (Info, error) {
	var info Info
	err := c.ask(ctx, append([]byte{portPlease2Req}, name...), func(_ net.Conn, r *bufio.Reader) (bool, error) {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return false, err
		}
		if head[0] != port2Resp {
			return false, fmt.Errorf("%w: answer %d", ErrProtocol, head[0])
		}
		if head[1] != 0 {
			return false, ErrNotFound
		}
		b, err := readInfo(r)
		if err == nil {
			info, err = parseInfo(b)
		}
		return false, err
	})
	if err != nil {
		return Info{}, fmt.Errorf("epmd at %s: looking up %q: %w", c.Addr, name, err)
	}
	return info, nil
}

// readInfo reads as much as parseInfo needs, without waiting for the daemon to close.
func readInfo(r io.Reader) ([]byte, error) {
	const head = 2 + 1 + 1 + 2 + 2 + 2
	b := make([]byte, head, head+2*maxField+2)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	for _, extra := range []int{2, 0} { // the name with the next length, then what that announces
		n := int(binary.BigEndian.Uint16(b[len(b)-2:]))
		if n > maxField {
			return nil, fmt.Errorf("%w: a field of %d bytes", ErrProtocol, n)
		}
		at := len(b)
		b = append(b, make([]byte, n+extra)...)
		if _, err := io.ReadFull(r, b[at:]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Entry is one line of Names.
type Entry struct {
	Name string
	Port uint16
}

// Names lists the nodes that are registered, at most a megabyte of them.
func (c *Client) Names(ctx context.Context) ([]Entry, error) {
	var out []Entry
	err := c.ask(ctx, []byte{namesReq}, func(_ net.Conn, r *bufio.Reader) (bool, error) {
		var port [4]byte
		if _, err := io.ReadFull(r, port[:]); err != nil {
			return false, err
		}
		text, err := io.ReadAll(io.LimitReader(r, maxAnswer))
		if err != nil {
			return false, err
		}
		for line := range strings.Lines(string(text)) {
			var e Entry
			if _, err := fmt.Sscanf(line, "name %s at port %d", &e.Name, &e.Port); err != nil {
				return false, fmt.Errorf("%w: %.80q", ErrProtocol, line)
			}
			out = append(out, e)
		}
		return false, nil
	})
	if err != nil {
		return nil, fmt.Errorf("epmd at %s: names: %w", c.Addr, err)
	}
	return out, nil
}

// Registration is a name held at the daemon.
type Registration struct {
	// Creation is what the daemon drew for this incarnation, never 0.
	Creation uint32

	conn net.Conn
	once sync.Once
	lost chan struct{}
}

// Register takes a name until Close. ErrNameTaken when another node has it.
func (c *Client) Register(ctx context.Context, info Info) (*Registration, error) {
	if !validName(info.Name) || len(info.Extra) > maxField {
		return nil, fmt.Errorf("epmd: %.80q is no name", info.Name)
	}
	info = info.defaults()
	var reg *Registration
	err := c.ask(ctx, appendInfo([]byte{alive2Req}, &info), func(conn net.Conn, r *bufio.Reader) (bool, error) {
		var head [2]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return false, err
		}
		size := 2
		switch head[0] {
		case alive2XResp:
			size = 4
		case alive2Resp:
		default:
			return false, fmt.Errorf("%w: answer %d", ErrProtocol, head[0])
		}
		if head[1] != 0 {
			return false, ErrNameTaken
		}
		b := make([]byte, 4)
		if _, err := io.ReadFull(r, b[4-size:]); err != nil {
			return false, err
		}
		reg = &Registration{Creation: binary.BigEndian.Uint32(b), conn: conn, lost: make(chan struct{})}
		return true, nil
	})
	if err != nil {
		return nil, fmt.Errorf("epmd at %s: registering %q: %w", c.Addr, info.Name, err)
	}
	go reg.watch() // ends with the connection; Close waits for it
	return reg, nil
}

// watch waits for the end of the connection: the daemon never sends anything more.
func (r *Registration) watch() {
	defer close(r.lost)
	io.Copy(io.Discard, r.conn)
	r.conn.Close()
}

// Lost is closed when the daemon is gone, or after Close.
func (r *Registration) Lost() <-chan struct{} { return r.lost }

// Close gives the name back. It may be called twice and from any goroutine.
func (r *Registration) Close() {
	r.once.Do(func() { r.conn.Close() })
	<-r.lost
}

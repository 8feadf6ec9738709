// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/banyan-go/banyan/dist/epmd"
)

// EPMD finds nodes through Erlang's port mapper daemon: the one that runs, or this program itself if none does. The
// zero value is ready.
type EPMD struct {
	// Port is the daemon's port on every host. Default: ERL_EPMD_PORT, else 4369.
	Port int
	// Listen is the address at which to be the daemon. Default 127.0.0.1; nodes of other hosts find this one only at an
	// address that they can reach.
	Listen string
	// ClientOnly keeps this program from being the daemon.
	ClientOnly bool
	// Retry is the pause between attempts after the daemon was lost. Default 2 s, as OTP.
	Retry time.Duration
	// Network connects to daemons and listens. Default TCP.
	Network Network
}

func (e *EPMD) network() Network {
	if e.Network != nil {
		return e.Network
	}
	return TCP{}
}

// port is where daemons are.
func (e *EPMD) port() (string, error) {
	if e.Port != 0 {
		return strconv.Itoa(e.Port), nil
	}
	s := os.Getenv("ERL_EPMD_PORT")
	if s == "" {
		return strconv.Itoa(epmd.DefaultPort), nil
	}
	if _, err := strconv.ParseUint(s, 10, 16); err != nil {
		return "", fmt.Errorf("dist: ERL_EPMD_PORT: %w", err)
	}
	return s, nil
}

// client asks the daemon of host.
func (e *EPMD) client(host string) (*epmd.Client, error) {
	port, err := e.port()
	if err != nil {
		return nil, err
	}
	return &epmd.Client{Addr: net.JoinHostPort(host, port), Dial: e.network().Dial}, nil
}

// Lookup asks the daemon of host.
func (e *EPMD) Lookup(ctx context.Context, host, name string) (string, error) {
	c, err := e.client(host)
	if err != nil {
		return "", err
	}
	info, err := c.Lookup(ctx, name)
	if err != nil {
		return "", err
	}
	if info.Lowest > 6 || info.Highest < 6 {
		return "", fmt.Errorf("dist: %s@%s speaks versions %d to %d of the distribution, not 6", name, host, info.Lowest, info.Highest)
	}
	return net.JoinHostPort(host, strconv.Itoa(int(info.Port))), nil
}

// Register registers with the daemon of this host, is the daemon when there is none, and does so again, until
// unregister, whenever the daemon is lost. unregister waits for what Register started.
func (e *EPMD) Register(ctx context.Context, name string, port uint16, hidden bool) (uint32, func(), error) {
	r := &registrar{epmd: e, info: epmd.Info{Name: name, Port: port}, end: make(chan struct{})}
	if hidden {
		r.info.Type = epmd.Hidden
	}
	reg, err := r.once(ctx)
	if err != nil {
		r.stopServer()
		return 0, nil, err
	}
	r.wg.Add(1)
	go r.keep(reg)
	var stop sync.Once
	return reg.Creation, func() {
		stop.Do(func() { close(r.end) })
		r.wg.Wait()
	}, nil
}

// registrar keeps one name registered.
type registrar struct {
	epmd *EPMD
	info epmd.Info
	end  chan struct{} // closed by unregister
	wg   sync.WaitGroup

	// Owned by whoever runs: Register first, then keep.
	server *epmd.Server
	served chan struct{} // closed when server has ended
}

// once registers with the daemon; if none answers, it becomes the daemon first.
func (r *registrar) once(ctx context.Context) (*epmd.Registration, error) {
	c, err := r.epmd.client("127.0.0.1")
	if err != nil {
		return nil, err
	}
	reg, err := c.Register(ctx, r.info)
	if err == nil || errors.Is(err, epmd.ErrNameTaken) || r.epmd.ClientOnly || ctx.Err() != nil {
		return reg, err
	}
	if serr := r.startServer(); serr != nil {
		// Perhaps another node was faster: then it is there now.
		reg, again := c.Register(ctx, r.info)
		if again != nil {
			return nil, errors.Join(err, serr)
		}
		return reg, nil
	}
	return c.Register(ctx, r.info)
}

// startServer makes this program the daemon.
func (r *registrar) startServer() error {
	r.stopServer()
	port, err := r.epmd.port()
	if err != nil {
		return err
	}
	host := r.epmd.Listen
	if host == "" {
		host = "127.0.0.1"
	}
	l, err := r.epmd.network().Listen(net.JoinHostPort(host, port))
	if err != nil {
		return fmt.Errorf("dist: no epmd runs, and being one failed: %w", err)
	}
	r.server, r.served = epmd.NewServer(), make(chan struct{})
	go func(s *epmd.Server, served chan struct{}) {
		defer close(served)
		s.Serve(l) // an error ends the server, and with it our registration, which starts another
		s.Close()
	}(r.server, r.served)
	return nil
}

// stopServer ends the daemon, if we are it.
func (r *registrar) stopServer() {
	if r.server != nil {
		r.server.Close()
		<-r.served
		r.server = nil
	}
}

// keep registers again when the daemon is lost: at once, then every Retry.
func (r *registrar) keep(reg *epmd.Registration) {
	defer r.wg.Done()
	defer r.stopServer()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r.wg.Add(1)
	go func() { // so that unregister does not wait for a daemon that hangs
		defer r.wg.Done()
		select {
		case <-r.end:
			cancel()
		case <-ctx.Done():
		}
	}()
	retry := r.epmd.Retry
	if retry <= 0 {
		retry = 2 * time.Second
	}
	for {
		if reg != nil {
			select {
			case <-reg.Lost():
				reg.Close()
			case <-r.end:
				reg.Close()
				return
			}
		}
		var err error
		if reg, err = r.once(ctx); err != nil {
			reg = nil
			t := time.NewTimer(retry)
			select {
			case <-t.C:
			case <-r.end:
				t.Stop()
				return
			}
		}
	}
}

// SPDX-License-Identifier: Apache-2.0

package rabbittest

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/erltest"
	"github.com/banyan-go/banyan/internal/needs"
)

// broker is a running RabbitMQ.
type broker struct {
	node                     banyan.Atom
	cookie                   string
	epmdPort, distPort, amqp int
	dir                      string
	cmd                      *exec.Cmd
	started                  chan struct{} // closed when it says that it serves
	ended                    chan struct{} // closed at the end of its output

	mu    sync.Mutex
	lines []string // what it says
}

// startBroker starts a RabbitMQ that ends with the test. Whatever it writes is in a temporary folder, and whatever listens
// listens on loopback. It waits until the broker serves.
func startBroker(t *testing.T) *broker {
	t.Helper()
	server := needs.RabbitMQ(t)
	ports := freePorts(t, 3)
	b := &broker{node: "rabbit@127.0.0.1", cookie: rand.Text(), epmdPort: ports[0], distPort: ports[1], amqp: ports[2],
		dir: t.TempDir(), started: make(chan struct{}), ended: make(chan struct{})}
	startEpmd(t, b.epmdPort)
	b.write(t, "home/.erlang.cookie", b.cookie, 0o400)
	b.write(t, "rabbitmq.conf", fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d\n", b.amqp), 0o600)
	b.write(t, "env.conf", "", 0o600) // in place of the machine's

	b.cmd = exec.Command(server)
	b.cmd.Dir = b.dir
	b.cmd.Env = append(environment(),
		"HOME="+b.path("home"),
		fmt.Sprintf("ERL_EPMD_PORT=%d", b.epmdPort), "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_CRASH_DUMP_SECONDS=0",
		"ERL_FLAGS=-kernel inet_dist_use_interface {127,0,0,1}", // also for the Erlang programs that RabbitMQ starts
		"RABBITMQ_NODENAME="+string(b.node), "RABBITMQ_USE_LONGNAME=true", fmt.Sprintf("RABBITMQ_DIST_PORT=%d", b.distPort),
		"RABBITMQ_CONF_ENV_FILE="+b.path("env.conf"), "RABBITMQ_CONFIG_FILE="+b.path("rabbitmq.conf"),
		"RABBITMQ_ADVANCED_CONFIG_FILE="+b.path("advanced.config"), "RABBITMQ_ENABLED_PLUGINS_FILE="+b.path("enabled_plugins"),
		"RABBITMQ_MNESIA_BASE="+b.path("mnesia"), "RABBITMQ_LOG_BASE="+b.path("log"),
		// Its script then becomes the Erlang node, in place of waiting for it: what we start is what we kill.
		"RABBITMQ_ALLOW_INPUT=true", "RABBITMQ_SERVER_START_ARGS=-noinput",
	)
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	b.cmd.Stderr = b.cmd.Stdout
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go b.read(bufio.NewScanner(out)) // ends with the broker
	end := leash(t, b.cmd)
	t.Cleanup(func() {
		end()
		<-b.ended
		_ = b.cmd.Wait() // how a killed program ended is no matter
	})
	select {
	case <-b.started:
	case <-b.ended:
		t.Fatal("RabbitMQ ended at once:\n", b.said())
	case <-time.After(3 * time.Minute): // some 5 s where the machine has nothing else to do
		t.Fatal("RabbitMQ does not start:\n", b.said())
	}
	return b
}

func (b *broker) path(name string) string { return filepath.Join(b.dir, name) }

func (b *broker) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.path(name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.path(name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// read keeps what the broker says, and looks for the line that ends its start.
func (b *broker) read(s *bufio.Scanner) {
	defer close(b.ended)
	up := false
	for s.Scan() {
		b.mu.Lock()
		b.lines = append(b.lines, s.Text())
		b.mu.Unlock()
		if !up && strings.Contains(s.Text(), "completed with ") {
			up = true
			close(b.started)
		}
	}
}

func (b *broker) said() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lines, "\n")
}

// kill ends it as kill -9 does. An end that has come already is no matter.
func (b *broker) kill() { _ = b.cmd.Process.Kill() }

// startEpmd starts a port mapper that ends with the test: one that RabbitMQ started would stay.
func startEpmd(t *testing.T, port int) {
	t.Helper()
	cmd := exec.Command(needs.Program(t, "erlang", "epmd"), "-port", strconv.Itoa(port), "-address", "127.0.0.1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := leash(t, cmd)
	t.Cleanup(func() {
		end()
		_ = cmd.Wait()
	})
	for start := time.Now(); ; {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return
		}
		if time.Since(start) > 20*time.Second {
			t.Fatal("epmd does not start: ", err)
		}
	}
}

// leash lets a program that was started end with this one, also where this one is killed: a shell waits for the end of its
// input and kills it. It gives what does so now, to be called before cmd.Wait, until which nobody else can get its number.
func leash(t *testing.T, cmd *exec.Cmd) (end func()) {
	t.Helper()
	sh := exec.Command("sh", "-c", `trap "" INT; cat; kill -9 "$1"`, "leash", strconv.Itoa(cmd.Process.Pid))
	in, err := sh.StdinPipe()
	if err == nil {
		err = sh.Start()
	}
	if err != nil {
		_ = cmd.Process.Kill()
		t.Fatal(err)
	}
	return func() {
		in.Close()
		_ = sh.Wait() // it fails for a program that has ended already
	}
}

// environment is ours, without what would configure an Erlang or a RabbitMQ.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "RABBITMQ_") || strings.HasPrefix(v, "ERL_")
	})
}

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		ports = append(ports, erltest.FreePort(t))
	}
	return ports
}

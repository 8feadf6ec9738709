// SPDX-License-Identifier: Apache-2.0

package rabbittest

import (
	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// RabbitMQ's records, tuples and property lists that the tests exchange with it. The fields of a record are all there, in its
// order; those that do not matter here are terms.

// resource is the record that names a queue.
type resource struct {
	VirtualHost string
	Kind        etf.Atom
	Name        string
}

// argument is an element of an AMQP table.
type argument struct {
	Key   string
	Type  etf.Atom
	Value int
}

// amqqueue is the record of a queue.
type amqqueue struct {
	Name                              resource
	Durable, AutoDelete               bool
	ExclusiveOwner                    any
	Arguments                         []argument
	PID                               banyan.PID
	SlavePIDs, SyncSlavePIDs          any
	RecoverableSlaves                 any
	Policy, OperatorPolicy            any
	GMPIDs, Decorators                any
	State                             etf.Atom
	PolicyVersion, SlavesShuttingDown any
	VirtualHost                       string
	Options                           any
	Type                              etf.Atom
	TypeState                         any
}

// declared is {new, Queue}; found is {ok, Queue}; deleted is {ok, Messages}.
type (
	declared struct {
		Outcome etf.Atom
		Queue   amqqueue
	}
	found struct {
		OK    etf.Atom
		Queue amqqueue
	}
	deleted struct {
		OK       etf.Atom
		Messages int
	}
)

// queueInfo is what a queue's process tells of itself, a property list.
type queueInfo struct {
	Name     resource
	Durable  bool
	PID      banyan.PID `etf:"pid"`
	Messages int
	State    etf.Atom
}

// listener is the record of a socket that listens.
type listener struct {
	Node     etf.Atom
	Protocol etf.Atom
	Host     string `etf:",charlist"`
	Address  [4]int `etf:",tuple"`
	Port     int
	Options  any
}

// status is a part of rabbit:status(), a property list.
type status struct {
	PID          int           `etf:"pid"` // of the operating system
	Version      string        `etf:"rabbitmq_version,charlist"`
	Applications []application `etf:"running_applications"`
	Alarms       []any
	Processes    struct {
		Limit, Used int
	} `etf:",keyword"`
}

// application is an element of application:which_applications().
type application struct {
	Name                 etf.Atom
	Description, Version string `etf:",charlist"`
}

func init() {
	banyan.RegisterType[resource]("resource")
	banyan.RegisterType[amqqueue]("amqqueue")
	banyan.RegisterType[listener]("listener")
	banyan.RegisterType[argument]("{}")
	banyan.RegisterType[application]("{}")
	banyan.RegisterType[declared]("{}")
	banyan.RegisterType[found]("{}")
	banyan.RegisterType[deleted]("{}")
	banyan.RegisterType[queueInfo]("[]")
	banyan.RegisterType[status]("[]")
}

// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster/internal/gossip"
)

// record is what a node says of itself; nobody else may change it. It travels with memberlist's alive messages.
type record struct {
	name     banyan.Atom // travels as the gossip's id
	instance uint64      // so does this

	// inc and over may rise while Joining, and stand then.
	inc Incarnation
	// over: this node has established that all of its name up to this incarnation are gone.
	over     Incarnation
	creation uint32
	// revision rises with each change.
	revision uint32
	state    State
	weight   float64
	zone     string
	version  string
	roles    []string
}

const (
	recordVersion = 1
	maxRoles      = 16
)

var errRecord = errors.New("not the record of a member")

// encode gives the record without name and instance. New fields go to the end: what follows those that are known is passed over.
func (r record) encode() []byte {
	b := []byte{recordVersion, byte(r.state)}
	b = binary.BigEndian.AppendUint64(b, uint64(r.inc))
	b = binary.BigEndian.AppendUint64(b, uint64(r.over))
	b = binary.BigEndian.AppendUint32(b, r.creation)
	b = binary.BigEndian.AppendUint32(b, r.revision)
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(r.weight))
	b = appendText(b, r.zone)
	b = appendText(b, r.version)
	b = append(b, byte(len(r.roles)))
	for _, role := range r.roles {
		b = appendText(b, role)
	}
	return b
}

func appendText(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

func decodeRecord(id gossip.ID, b []byte) (r record, err error) {
	const fixed = 2 + 8 + 8 + 4 + 4 + 8
	if len(b) < fixed || b[0] < recordVersion {
		return r, errRecord
	}
	r = record{name: banyan.Atom(id.Name), instance: id.Instance, state: State(b[1]), inc: Incarnation(binary.BigEndian.Uint64(b[2:])),
		over: Incarnation(binary.BigEndian.Uint64(b[10:])), creation: binary.BigEndian.Uint32(b[18:]), revision: binary.BigEndian.Uint32(b[22:]),
		weight: math.Float64frombits(binary.BigEndian.Uint64(b[26:]))}
	if r.state < Joining || r.state > Left || r.over >= r.inc || !(r.weight >= 0) || math.IsInf(r.weight, 0) {
		return r, errRecord
	}
	b = b[fixed:]
	text := func() (s string) {
		if err == nil && (len(b) < 1 || len(b) < 1+int(b[0])) {
			err = errRecord
		}
		if err == nil {
			s, b = string(b[1:1+int(b[0])]), b[1+int(b[0]):]
		}
		return s
	}
	r.zone, r.version = text(), text()
	if err != nil || len(b) < 1 || b[0] > maxRoles {
		return r, errRecord
	}
	n := int(b[0])
	b = b[1:]
	for range n {
		r.roles = append(r.roles, text())
	}
	return r, err
}

// fits says whether a record can travel.
func (r record) fits() error {
	for what, s := range map[string]string{"Zone": r.zone, "Version": r.version} {
		if len(s) > 255 {
			return fmt.Errorf("%s is longer than 255 bytes", what)
		}
	}
	if len(r.roles) > maxRoles {
		return fmt.Errorf("more than %d Roles", maxRoles)
	}
	for _, s := range r.roles {
		if len(s) > 255 {
			return errors.New("one of Roles is longer than 255 bytes")
		}
	}
	if n := len(r.encode()); n > gossip.MaxMeta {
		return fmt.Errorf("Zone, Version and Roles together are %d bytes too long", n-gossip.MaxMeta)
	}
	return nil
}

// newer reports whether r takes the place of old, of the same instance. It is a total order, so that all nodes come to the same
// record, in whatever order they hear. A life that is over stays over.
func (r record) newer(old record) bool {
	if r.state.Over() != old.state.Over() {
		return r.state.Over()
	}
	if r.revision != old.revision {
		return r.revision > old.revision
	}
	return string(r.encode()) > string(old.encode()) // never, unless somebody speaks for another
}

// SPDX-License-Identifier: Apache-2.0

package etf

import "encoding/binary"

// creation reads the incarnation of a node, of one byte in the old tags.
func (d *Decoder) creation(old bool) (uint32, error) {
	if !old {
		return d.u32()
	}
	b, err := d.take(1)
	if err != nil {
		return 0, err
	}
	if b[0] > maxOldCreation {
		return 0, d.fail(d.pos-1, "creation %d in a tag that has two bits for it", b[0])
	}
	return uint32(b[0]), nil
}

// boxedPID reads a pid into an interface, without an allocation if it is the same as last time: messages come from the same sender
// again and again.
func (d *Decoder) boxedPID() (any, error) {
	p, err := d.PID()
	if err != nil {
		return nil, err
	}
	if last, ok := d.pid.(PID); !ok || last != p {
		d.pid = p
	}
	return d.pid, nil
}

// PID reads a pid.
func (d *Decoder) PID() (p PID, err error) {
	tag, err := d.tag()
	if err != nil {
		return p, err
	}
	if tag != tagNewPID && tag != tagPID {
		return p, d.want("pid")
	}
	d.pos++
	if p.Node, err = d.Atom(); err != nil {
		return p, err
	}
	b, err := d.take(8)
	if err != nil {
		return p, err
	}
	p.ID, p.Serial = binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	p.Creation, err = d.creation(tag == tagPID)
	return p, err
}

// Port reads a port.
func (d *Decoder) Port() (p Port, err error) {
	tag, err := d.tag()
	if err != nil {
		return p, err
	}
	if tag != tagNewPort && tag != tagPort && tag != tagV4Port {
		return p, d.want("port")
	}
	d.pos++
	if p.Node, err = d.Atom(); err != nil {
		return p, err
	}
	if tag == tagV4Port {
		b, err := d.take(8)
		if err != nil {
			return p, err
		}
		p.ID = binary.BigEndian.Uint64(b)
	} else {
		id, err := d.u32()
		if err != nil {
			return p, err
		}
		p.ID = uint64(id)
	}
	p.Creation, err = d.creation(tag == tagPort)
	return p, err
}

// Ref reads a reference.
func (d *Decoder) Ref() (r Reference, err error) {
	tag, err := d.tag()
	if err != nil {
		return r, err
	}
	start := d.pos
	n := 1
	switch tag {
	case tagRef:
		d.pos++
		return d.oldRef()
	case tagNewRef, tagNewerRef:
		d.pos++
		if n, err = d.u16(); err != nil {
			return r, err
		}
	default:
		return r, d.want("reference")
	}
	if n > maxRefWords || tag == tagNewRef && (n > maxOldRefWords || n == 0) {
		return r, d.fail(start, "a reference of %d words", n)
	}
	r.Len = uint8(n)
	if r.Node, err = d.Atom(); err != nil {
		return r, err
	}
	if r.Creation, err = d.creation(tag == tagNewRef); err != nil {
		return r, err
	}
	b, err := d.take(4 * n)
	if err != nil {
		return r, err
	}
	for i := range n {
		r.Words[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	return r, nil
}

// oldRef reads what follows the tag of REFERENCE_EXT, where the word comes before the creation.
func (d *Decoder) oldRef() (r Reference, err error) {
	if r.Node, err = d.Atom(); err != nil {
		return r, err
	}
	if r.Words[0], err = d.u32(); err != nil {
		return r, err
	}
	r.Len = 1
	r.Creation, err = d.creation(true)
	return r, err
}

// export reads an external fun.
func (d *Decoder) export() (x Export, err error) {
	if tag, err := d.tag(); err != nil {
		return x, err
	} else if tag != tagExport {
		return x, d.want("export")
	}
	d.pos++
	if x.Module, err = d.Atom(); err != nil {
		return x, err
	}
	if x.Function, err = d.Atom(); err != nil {
		return x, err
	}
	start := d.pos
	if tag, err := d.tag(); err != nil {
		return x, err
	} else if tag != tagSmallInt && tag != tagInt {
		return x, d.want("arity")
	}
	arity, err := d.Int()
	if err != nil {
		return x, err
	}
	if arity < 0 || arity > 255 {
		return x, d.fail(start, "arity %d", arity)
	}
	x.Arity = uint8(arity)
	return x, nil
}

// funHead is the part of NEW_FUN that has a fixed length: tag, size, arity, uniq, index and number of free variables.
const funHead = 1 + 4 + 1 + 16 + 4 + 4

// fun reads a local fun. Its size must be what its parts add up to.
func (d *Decoder) fun() (f Fun, err error) {
	start := d.pos
	if tag, err := d.tag(); err != nil {
		return f, err
	} else if tag != tagNewFun {
		return f, d.want("fun")
	}
	b, err := d.take(funHead)
	if err != nil {
		return f, err
	}
	size := binary.BigEndian.Uint32(b[1:])
	f.Arity = b[5]
	copy(f.Uniq[:], b[6:])
	f.Index = binary.BigEndian.Uint32(b[22:])
	free := int(binary.BigEndian.Uint32(b[26:]))
	if int64(size) > int64(len(d.data)-start-1) {
		return f, d.fail(start, "a fun of %d bytes, more than the input holds", size)
	}
	if f.Module, err = d.Atom(); err != nil {
		return f, err
	}
	if f.OldIndex, err = d.Int(); err != nil {
		return f, err
	}
	if f.OldUniq, err = d.Int(); err != nil {
		return f, err
	}
	if f.Creator, err = d.PID(); err != nil {
		return f, err
	}
	was := d.resolve
	d.resolve = false // what a fun closes over goes back as it came
	f.Free, err = d.elements(start, free)
	d.resolve = was
	if err != nil {
		return f, err
	}
	if d.pos-start-1 != int(size) {
		return f, d.fail(start, "a fun that says it has %d bytes has %d", size, d.pos-start-1)
	}
	return f, nil
}

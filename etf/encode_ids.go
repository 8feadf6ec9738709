// SPDX-License-Identifier: Apache-2.0

package etf

import "encoding/binary"

// maxNewPort is the first port id that needs V4_PORT. OTP writes NEW_PORT for ids of up to 28 bits.
const maxNewPort = 1 << 28

// PID writes a pid.
func (e *Encoder) PID(p PID) { e.keep(e.pid(&p)) }

// pid is PID with its error and without a copy.
func (e *Encoder) pid(p *PID) error {
	e.buf = append(e.buf, tagNewPID)
	if err := e.atom(p.Node); err != nil {
		return err
	}
	e.buf = binary.BigEndian.AppendUint32(e.buf, p.ID)
	e.buf = binary.BigEndian.AppendUint32(e.buf, p.Serial)
	e.buf = binary.BigEndian.AppendUint32(e.buf, p.Creation)
	return nil
}

// Ref writes a reference.
func (e *Encoder) Ref(r Reference) { e.keep(e.ref(&r)) }

// ref is Ref with its error and without a copy.
func (e *Encoder) ref(r *Reference) error {
	if int(r.Len) > len(r.Words) {
		return encodeErr("a reference of %d words", r.Len)
	}
	e.buf = append(e.buf, tagNewerRef, 0, r.Len)
	if err := e.atom(r.Node); err != nil {
		return err
	}
	e.buf = binary.BigEndian.AppendUint32(e.buf, r.Creation)
	for _, w := range r.Words[:r.Len] {
		e.buf = binary.BigEndian.AppendUint32(e.buf, w)
	}
	return nil
}

// Port writes a port.
func (e *Encoder) Port(p Port) { e.keep(e.port(&p)) }

// port is Port with its error and without a copy.
func (e *Encoder) port(p *Port) error {
	small := p.ID < maxNewPort
	if small {
		e.buf = append(e.buf, tagNewPort)
	} else {
		e.buf = append(e.buf, tagV4Port)
	}
	if err := e.atom(p.Node); err != nil {
		return err
	}
	if small {
		e.buf = binary.BigEndian.AppendUint32(e.buf, uint32(p.ID))
	} else {
		e.buf = binary.BigEndian.AppendUint64(e.buf, p.ID)
	}
	e.buf = binary.BigEndian.AppendUint32(e.buf, p.Creation)
	return nil
}

// export writes an external fun.
func (e *Encoder) export(x *Export) error {
	e.buf = append(e.buf, tagExport)
	if err := e.atom(x.Module); err != nil {
		return err
	}
	if err := e.atom(x.Function); err != nil {
		return err
	}
	e.buf = append(e.buf, tagSmallInt, x.Arity)
	return nil
}

// fun writes a local fun. Its size, which counts itself, is known only at the end.
func (e *Encoder) fun(f *Fun) error {
	e.buf = append(e.buf, tagNewFun)
	at := len(e.buf)
	e.buf = append(e.buf, 0, 0, 0, 0, f.Arity)
	e.buf = append(e.buf, f.Uniq[:]...)
	e.buf = binary.BigEndian.AppendUint32(e.buf, f.Index)
	e.buf = binary.BigEndian.AppendUint32(e.buf, uint32(len(f.Free)))
	if err := e.atom(f.Module); err != nil {
		return err
	}
	e.Int(f.OldIndex)
	e.Int(f.OldUniq)
	if err := e.pid(&f.Creator); err != nil {
		return err
	}
	if err := e.terms(f.Free); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(e.buf[at:], uint32(len(e.buf)-at))
	return nil
}

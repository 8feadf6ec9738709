// SPDX-License-Identifier: Apache-2.0

package etf

import "encoding/binary"

// Skip passes over one term. It checks tags and lengths but not what only building the term would show (the UTF-8 of
// atoms, duplicate keys), needs no memory and takes any depth.
func (d *Decoder) Skip() error {
	for left := 1; left > 0; left-- {
		children, err := d.skipHead()
		if err != nil {
			return err
		}
		left += children
		if left-1 > d.Len() {
			return d.fail(d.pos, "containers with more elements than the input can hold")
		}
	}
	return nil
}

// skipHead passes over a term up to the terms within it, whose number it returns. Each of those takes a byte at least,
// so that a caller can compare the number with Len.
func (d *Decoder) skipHead() (children int, err error) {
	tag, err := d.tag()
	if err != nil {
		return 0, err
	}
	switch tag {
	case tagSmallInt, tagAtomCacheRef:
		_, err = d.take(2)
	case tagInt:
		_, err = d.take(5)
	case tagNil:
		d.pos++
	case tagNewFloat:
		_, err = d.take(9)
	case tagFloat:
		_, err = d.take(32)
	case tagSmallAtom, tagSmallAtomUTF8:
		err = d.skipCounted(1, 0)
	case tagAtom, tagAtomUTF8, tagString:
		err = d.skipCounted(2, 0)
	case tagBinary:
		err = d.skipCounted(4, 0)
	case tagBitBinary, tagLargeBig:
		err = d.skipCounted(4, 1)
	case tagSmallBig:
		err = d.skipCounted(1, 1)
	case tagNewPID, tagPID:
		_, err = d.PID()
	case tagNewPort, tagPort, tagV4Port:
		_, err = d.Port()
	case tagNewerRef, tagNewRef, tagRef:
		_, err = d.Ref()
	case tagExport:
		_, err = d.export()
	case tagSmallTuple, tagLargeTuple:
		return d.TupleHeader()
	case tagMap:
		n, err := d.MapHeader()
		return 2 * n, err
	case tagList:
		head, err := d.take(5)
		if err != nil {
			return 0, err
		}
		return int(binary.BigEndian.Uint32(head[1:])) + 1, nil
	case tagNewFun:
		head, err := d.take(5)
		if err != nil {
			return 0, err
		}
		_, err = d.take(int(binary.BigEndian.Uint32(head[1:])) - 4) // the size counts itself
		return 0, err
	default:
		return 0, d.fail(d.pos, "no term begins with tag %d", tag)
	}
	return 0, err
}

// skipCounted passes over a tag, a length of width bytes, extra bytes and as many as the length says.
func (d *Decoder) skipCounted(width, extra int) error {
	head, err := d.take(1 + width)
	if err != nil {
		return err
	}
	n := 0
	for _, b := range head[1:] {
		n = n<<8 | int(b)
	}
	_, err = d.take(n + extra)
	return err
}

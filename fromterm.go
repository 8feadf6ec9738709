// SPDX-License-Identifier: Apache-2.0

package banyan

// TermConverter is a Transport that knows how terms become Go values.
type TermConverter interface {
	// FromTerm stores a term in what into points to. env is the node.
	FromTerm(t, into, env any) error //lint:any terms, and pointers of any type
}

// FromTerm stores a plain value that came from another node, a term, in what into points to: as if the term had been a
// typed message, by the same rules and with the same errors. It needs a transport, which brings the rules; without one it
// is ErrNotUnderstood.
func (n *Node) FromTerm(t, into any) error { //lint:any terms, and pointers of any type
	c, ok := n.cfg.transport.(TermConverter)
	if !ok {
		return &OpError{Op: "convert", What: typeString(t), Err: ErrNotUnderstood}
	}
	return c.FromTerm(t, into, n)
}

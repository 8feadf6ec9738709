// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// netKernel is the name that net_adm:ping speaks to.
const netKernel banyan.Atom = "net_kernel"

// netKernel reads a call to the process net_kernel. A ping, {is_auth, Node}, is answered here, whatever is registered
// under that name: a node that were slow to answer it would hold the caller for ever.
func (r *receiver) netKernel(s *banyan.Signal) (done bool, err error) {
	t, err := r.dec.Term()
	if err != nil {
		return false, err
	}
	if q, ok := t.(etf.Tuple); ok && len(q) == 2 && q[0] == etf.Atom("is_auth") {
		r.answer(s, etf.Atom("yes"), nil)
		return true, nil
	}
	s.Body.Value = t
	return false, nil
}

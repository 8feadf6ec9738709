// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"strings"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// system reads the request of a system message. What concerns no server's state is answered here. To a process that is no
// server the message goes as it is, so that one written for it can answer.
func (r *receiver) system(s *banyan.Signal) (handled, deliver bool, err error) {
	b := &s.Body
	if r.port.Target(s) == nil {
		*b = banyan.Body{}
		return false, false, nil
	}
	t, err := r.dec.Term()
	if err != nil {
		return false, false, err
	}
	if req := systemRequest(t); req != nil {
		b.Kind, b.Value = banyan.BodySystem, req
		return true, true, nil
	}
	r.answer(s, refusal(t), nil)
	return true, false, nil
}

// systemRequest is what the runtime serves; nil for all else.
func systemRequest(t any) *banyan.SystemRequest {
	switch t := t.(type) {
	case etf.Atom:
		switch t {
		case "get_state":
			return &banyan.SystemRequest{Op: banyan.SystemGetState, Answer: func(st banyan.ServerStatus) any { return stateTerm(st.State) }}
		case "get_status":
			return &banyan.SystemRequest{Op: banyan.SystemGetStatus, Answer: statusTerm}
		case "suspend":
			return &banyan.SystemRequest{Op: banyan.SystemSuspend}
		case "resume":
			return &banyan.SystemRequest{Op: banyan.SystemResume}
		}
	case etf.Tuple:
		if len(t) == 2 && t[0] == etf.Atom("terminate") {
			return &banyan.SystemRequest{Op: banyan.SystemTerminate, Reason: termReason(t[1])}
		}
	}
	return nil
}

// refusal answers what a Banyan server does not do, as sys would have it answered where nothing of the kind is switched on.
func refusal(t any) any {
	ok := etf.Atom("ok")
	no := func(text string) any {
		return etf.Tuple{etf.Atom("error"), etf.Tuple{etf.Atom("not_supported"), []byte(text)}}
	}
	q, _ := t.(etf.Tuple)
	if len(q) < 2 {
		return etf.Tuple{etf.Atom("error"), etf.Tuple{etf.Atom("unknown_system_msg"), t}}
	}
	switch q[0] {
	case etf.Atom("replace_state"):
		return no("the state of a Banyan server is a Go value: it cannot be replaced from outside")
	case etf.Atom("change_code"):
		return no("the code of a Banyan server cannot be changed while it runs")
	case etf.Atom("debug"):
	default:
		return etf.Tuple{etf.Atom("error"), etf.Tuple{etf.Atom("unknown_system_msg"), t}}
	}
	for _, is := range []struct{ what, answer any }{
		{etf.Atom("no_debug"), ok},
		{etf.Tuple{etf.Atom("statistics"), etf.Atom("get")}, etf.Tuple{ok, etf.Atom("no_statistics")}},
		{etf.Tuple{etf.Atom("statistics"), etf.Atom("false")}, ok},
		{etf.Tuple{etf.Atom("log"), etf.Atom("get")}, etf.Tuple{ok, etf.List{}}},
		{etf.Tuple{etf.Atom("log"), etf.Atom("print")}, ok},
		{etf.Tuple{etf.Atom("log"), etf.Atom("false")}, ok},
		{etf.Tuple{etf.Atom("trace"), etf.Atom("false")}, ok},
		{etf.Tuple{etf.Atom("log_to_file"), etf.Atom("false")}, ok},
	} {
		if etf.Equal(q[1], is.what) {
			return is.answer
		}
	}
	if w, isTuple := q[1].(etf.Tuple); isTuple && len(w) == 2 && w[0] == etf.Atom("remove") {
		return ok
	}
	return no("Banyan servers have no sys debug functions: look at the node's log and counters")
}

// stateTerm is a state as a term. What its server shows of it may be nothing that can travel; then it is the reason.
func stateTerm(state any) any {
	t, err := etf.TermOf(state)
	if err != nil {
		return []byte("the state cannot be shown: " + err.Error())
	}
	return t
}

// statusTerm is {status, Pid, {module, Module}, [Dictionary, SysState, Parent, Debug, Misc]}, where Misc is as that of a
// gen_server: sys and Observer draw it so.
func statusTerm(st banyan.ServerStatus) any {
	state := etf.Atom("running")
	if st.Suspended {
		state = "suspended"
	}
	name := string(st.Name)
	if name == "" {
		name = st.PID.String()
	}
	parent := any(st.Parent)
	if st.Parent.IsZero() {
		parent = st.PID
	}
	data := func(key string, v any) any { return etf.Tuple{chars(key), v} }
	misc := etf.List{
		etf.Tuple{etf.Atom("header"), chars("Status for Banyan server " + name)},
		etf.Tuple{etf.Atom("data"), etf.List{data("Status", state), data("Parent", parent), data("Logged events", etf.List{})}},
		etf.Tuple{etf.Atom("data"), etf.List{data("Type", []byte(st.Kind)), data("State", stateTerm(st.State))}},
	}
	module := etf.Atom(strings.TrimPrefix(st.Kind, "*"))
	if len(module) > 255 {
		module = "banyan"
	}
	return etf.Tuple{etf.Atom("status"), st.PID, etf.Tuple{etf.Atom("module"), module},
		etf.List{etf.List{}, state, parent, etf.List{}, misc}}
}

// chars is a string as Erlang's lists of characters.
func chars(s string) etf.List {
	l := etf.List{}
	for _, c := range s {
		l = append(l, int(c))
	}
	return l
}

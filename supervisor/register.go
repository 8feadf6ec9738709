// SPDX-License-Identifier: Apache-2.0

package supervisor

import "github.com/banyan-go/banyan"

// done is the reply of calls that have nothing to say, as in OTP.
const done banyan.Atom = "ok"

// The calls to a supervisor work across nodes as well, except StartChild and Stop: functions and errors in messages do not
// travel. Their requests are those of OTP's supervisor; the replies of Which and Count are Go structs.
func init() {
	banyan.RegisterCall[terminateChild]("terminate_child")
	banyan.RegisterCall[terminatePID]("terminate_pid")
	banyan.RegisterCall[restartChild]("restart_child")
	banyan.RegisterCall[deleteChild]("delete_child")
	banyan.RegisterCall[whichChildren]("which_children")
	banyan.RegisterCall[countChildren]("count_children")
	banyan.RegisterType[ChildInfo]()
	banyan.RegisterType[Counts]()
	banyan.RegisterError("supervisor.not_found", ErrNotFound)
	banyan.RegisterError("supervisor.exists", ErrExists)
	banyan.RegisterError("supervisor.running", ErrRunning)
	banyan.RegisterError("supervisor.restarting", ErrRestarting)
	banyan.RegisterError("supervisor.intensity", ErrIntensity)
	banyan.RegisterError("supervisor.ignore", ErrIgnore)
}

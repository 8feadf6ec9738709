// SPDX-License-Identifier: Apache-2.0

package control

// The operations on the wire, by OTP's names (DOP_...).
const (
	opLink                = 1
	opSend                = 2
	opExit                = 3
	opRegSend             = 6
	opGroupLeader         = 7
	opExit2               = 8
	opSendTT              = 12
	opExitTT              = 13
	opRegSendTT           = 16
	opExit2TT             = 18
	opMonitorP            = 19
	opDemonitorP          = 20
	opMonitorPExit        = 21
	opSendSender          = 22
	opSendSenderTT        = 23
	opPayloadExit         = 24
	opPayloadExitTT       = 25
	opPayloadExit2        = 26
	opPayloadExit2TT      = 27
	opPayloadMonitorPExit = 28
	opSpawnRequest        = 29
	opSpawnRequestTT      = 30
	opSpawnReply          = 31
	opSpawnReplyTT        = 32
	opAliasSend           = 33
	opAliasSendTT         = 34
	opUnlinkID            = 35
	opUnlinkIDAck         = 36
	opAltactSigSend       = 37
)

// Flags of SPAWN_REPLY.
const (
	spawnLinked    = 1
	spawnMonitored = 2
)

// Flags of ALTACT_SIG_SEND (OTP 28). Others are ignored, as OTP demands of receivers.
const (
	altactToken = 2
	altactAlias = 4
	altactName  = 8
	altactExit  = 16
)

// Payload is what follows the control message.
type Payload uint8

// The payloads.
const (
	NoPayload Payload = iota
	Body              // a message
	Reason            // an exit reason
	Args              // the argument list of a spawn request
)

// shape is what an operation looks like on the wire.
type shape struct {
	arity   int8 // elements of the tuple with the operation; 0: no such operation
	token   bool // one of them is a trace token
	payload Payload
}

// shapes by operation. ALTACT_SIG_SEND is not fixed and not here.
var shapes = [...]shape{
	opLink:                {3, false, NoPayload},
	opSend:                {3, false, Body},
	opExit:                {4, false, NoPayload},
	opRegSend:             {4, false, Body},
	opGroupLeader:         {3, false, NoPayload},
	opExit2:               {4, false, NoPayload},
	opSendTT:              {4, true, Body},
	opExitTT:              {5, true, NoPayload},
	opRegSendTT:           {5, true, Body},
	opExit2TT:             {5, true, NoPayload},
	opMonitorP:            {4, false, NoPayload},
	opDemonitorP:          {4, false, NoPayload},
	opMonitorPExit:        {5, false, NoPayload},
	opSendSender:          {3, false, Body},
	opSendSenderTT:        {4, true, Body},
	opPayloadExit:         {3, false, Reason},
	opPayloadExitTT:       {4, true, Reason},
	opPayloadExit2:        {3, false, Reason},
	opPayloadExit2TT:      {4, true, Reason},
	opPayloadMonitorPExit: {4, false, Reason},
	opSpawnRequest:        {6, false, Args},
	opSpawnRequestTT:      {7, true, Args},
	opSpawnReply:          {5, false, NoPayload},
	opSpawnReplyTT:        {6, true, NoPayload},
	opAliasSend:           {3, false, Body},
	opAliasSendTT:         {4, true, Body},
	opUnlinkID:            {4, false, NoPayload},
	opUnlinkIDAck:         {4, false, NoPayload},
}

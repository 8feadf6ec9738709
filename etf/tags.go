// SPDX-License-Identifier: Apache-2.0

package etf

// Tags of the external term format; names as in OTP's documentation.
const (
	versionMagic = 131

	tagNewFloat      = 70
	tagBitBinary     = 77
	tagCompressed    = 80
	tagAtomCacheRef  = 82
	tagNewPID        = 88
	tagNewPort       = 89
	tagNewerRef      = 90
	tagSmallInt      = 97
	tagInt           = 98
	tagFloat         = 99
	tagAtom          = 100
	tagRef           = 101
	tagPort          = 102
	tagPID           = 103
	tagSmallTuple    = 104
	tagLargeTuple    = 105
	tagNil           = 106
	tagString        = 107
	tagList          = 108
	tagBinary        = 109
	tagSmallBig      = 110
	tagLargeBig      = 111
	tagNewFun        = 112
	tagExport        = 113
	tagNewRef        = 114
	tagSmallAtom     = 115
	tagMap           = 116
	tagAtomUTF8      = 118
	tagSmallAtomUTF8 = 119
	tagV4Port        = 120
)

// Bounds of the format itself, the same in every OTP.
const (
	maxAtomChars   = 255
	maxAtomBytes   = 4 * maxAtomChars
	maxRefWords    = 5
	maxOldRefWords = 3
	maxOldCreation = 3 // of the tags that give the creation one byte
)

// Kind is what sort of term comes next in a [Decoder].
type Kind uint8

// The kinds. KindString is a list too: one of integers 0 to 255 that was written compactly.
const (
	KindInvalid Kind = iota // the end of the input, or a byte that begins no term
	KindInt
	KindFloat
	KindAtom
	KindBinary
	KindBitstring
	KindNil
	KindString
	KindList
	KindTuple
	KindMap
	KindPID
	KindRef
	KindPort
	KindExport
	KindFun
)

// String is the Erlang name of the kind, as error messages use it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[KindInvalid]
}

var kindNames = [...]string{"nothing that is a term", "integer", "float", "atom", "binary", "bitstring", "empty list", "string",
	"list", "tuple", "map", "pid", "reference", "port", "export", "fun"}

// kindOf maps each tag to its kind.
var kindOf = [256]Kind{
	tagNewFloat: KindFloat, tagFloat: KindFloat,
	tagBinary: KindBinary, tagBitBinary: KindBitstring,
	tagAtomCacheRef: KindAtom, tagAtom: KindAtom, tagSmallAtom: KindAtom, tagAtomUTF8: KindAtom, tagSmallAtomUTF8: KindAtom,
	tagNewPID: KindPID, tagPID: KindPID,
	tagNewPort: KindPort, tagPort: KindPort, tagV4Port: KindPort,
	tagNewerRef: KindRef, tagNewRef: KindRef, tagRef: KindRef,
	tagSmallInt: KindInt, tagInt: KindInt, tagSmallBig: KindInt, tagLargeBig: KindInt,
	tagSmallTuple: KindTuple, tagLargeTuple: KindTuple,
	tagNil: KindNil, tagString: KindString, tagList: KindList,
	tagNewFun: KindFun, tagExport: KindExport, tagMap: KindMap,
}

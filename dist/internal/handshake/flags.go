// SPDX-License-Identifier: Apache-2.0

package handshake

// Flags are the capabilities that each side announces. Chosen is what both have.
type Flags uint64

// The flags of OTP 25 to 28, by OTP's names (DFLAG_...).
const (
	Published          Flags = 1 << 0 // visible; absent: hidden
	ExtendedReferences Flags = 1 << 2
	DistMonitor        Flags = 1 << 3
	FunTags            Flags = 1 << 4
	DistMonitorName    Flags = 1 << 5
	NewFunTags         Flags = 1 << 7
	ExtendedPidsPorts  Flags = 1 << 8
	ExportPtrTag       Flags = 1 << 9
	BitBinaries        Flags = 1 << 10
	NewFloats          Flags = 1 << 11
	UnicodeIO          Flags = 1 << 12
	DistHdrAtomCache   Flags = 1 << 13
	SmallAtomTags      Flags = 1 << 14
	UTF8Atoms          Flags = 1 << 16
	MapTag             Flags = 1 << 17
	BigCreation        Flags = 1 << 18
	SendSender         Flags = 1 << 19
	BigSeqtraceLabels  Flags = 1 << 20
	ExitPayload        Flags = 1 << 22
	Fragments          Flags = 1 << 23
	Handshake23        Flags = 1 << 24
	UnlinkID           Flags = 1 << 25
	Mandatory25Digest  Flags = 1 << 26 // shorthand for Mandatory25
	Spawn              Flags = 1 << 32
	NameMe             Flags = 1 << 33 // a request, not a capability
	V4NC               Flags = 1 << 34
	Alias              Flags = 1 << 35
	AltactSig          Flags = 1 << 37
)

// Mandatory25 is what OTP 25 demands of a peer, Mandatory26 what OTP 26, 27 and 28 demand. OTP 25 has all of the
// latter too, and so must every peer of ours: pids here use 32 bits, and unlinking has its modern form only.
const (
	Mandatory25 = ExtendedReferences | FunTags | NewFunTags | ExtendedPidsPorts | ExportPtrTag | BitBinaries | NewFloats |
		UTF8Atoms | MapTag | BigCreation | Handshake23
	Mandatory26 = Mandatory25 | UnlinkID | V4NC
)

// Hidden is what a hidden node announces: all of OTP 25, D07DF7FBC.
const Hidden = Mandatory26 | Mandatory25Digest | DistMonitor | DistMonitorName | UnicodeIO | DistHdrAtomCache | SmallAtomTags |
	SendSender | BigSeqtraceLabels | ExitPayload | Fragments | Spawn | Alias

// Expand replaces the shorthand for the set of OTP 25 by the set (and keeps it).
func (f Flags) Expand() Flags {
	if f&Mandatory25Digest != 0 {
		f |= Mandatory25
	}
	return f
}

// Has reports whether all of want are set.
func (f Flags) Has(want Flags) bool { return f&want == want }

// names is the table that errors about missing flags are written from.
var names = [...]struct {
	flag Flags
	name string
}{
	{ExtendedReferences, "EXTENDED_REFERENCES"}, {FunTags, "FUN_TAGS"}, {NewFunTags, "NEW_FUN_TAGS"},
	{ExtendedPidsPorts, "EXTENDED_PIDS_PORTS"}, {ExportPtrTag, "EXPORT_PTR_TAG"}, {BitBinaries, "BIT_BINARIES"},
	{NewFloats, "NEW_FLOATS"}, {UTF8Atoms, "UTF8_ATOMS"}, {MapTag, "MAP_TAG"}, {BigCreation, "BIG_CREATION"},
	{Handshake23, "HANDSHAKE_23"}, {UnlinkID, "UNLINK_ID"}, {V4NC, "V4_NC"},
}

// missing names what f lacks of required.
func (f Flags) missing(required Flags) []string {
	var out []string
	for _, n := range names {
		if required&n.flag != 0 && f&n.flag == 0 {
			out = append(out, n.name)
		}
	}
	return out
}

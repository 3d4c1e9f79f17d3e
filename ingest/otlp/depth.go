package otlp

// A body is a tree that its sender shapes, and no recover catches a stack that overflows: whatever descends
// into a body counts its steps. Messages of OTLP nest to a fixed depth except for attribute values, which
// may hold lists of values; unknown fields may hold anything, and are passed over without recursion.
const (
	maxValueDepth = 32  // levels of an attribute value that are looked at; what lies deeper is left out
	maxGroupDepth = 100 // levels of the obsolete groups of protobuf inside unknown fields; more is bad data
)

package graph

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
)

// NodeType is what a node of the graph is.
type NodeType string

// The types of a node. Everything but a service is inferred from its callers' spans.
const (
	TypeService  NodeType = "service"
	TypeDatabase NodeType = "database"
	TypeCache    NodeType = "cache"
	TypeQueue    NodeType = "queue"
	TypeFunction NodeType = "function"
	TypeExternal NodeType = "external"
	TypeUser     NodeType = "user"    // calls that come from outside: SERVER spans without a parent
	TypeUnknown  NodeType = "unknown" // callers that exist, since the span names a parent, but were never seen
)

// NodeTypes lists every type in the order in which legends show them.
var NodeTypes = []NodeType{TypeService, TypeDatabase, TypeCache, TypeQueue, TypeFunction, TypeExternal, TypeUser, TypeUnknown}

// Node is the identity of one node. Two nodes are the same if all fields but Address are equal.
type Node struct {
	Type        NodeType
	Name        string // service name; for an inferred node a name a person recognises, such as "orders @ pg:5432"
	Namespace   string // service.namespace or k8s.namespace.name
	Environment string // deployment.environment.name; an inferred node has its caller's
	System      string // database, cache, queue: its system, such as "postgresql" or "kafka"
	Address     string // host:port where known
}

// NodeID is the stable identity of a node within a tenant: equal nodes have equal ids, in every process
// and release. Zero is no node.
type NodeID uint64

// ID returns the id: the first 8 bytes of a SHA-256 over the identifying fields.
func (n Node) ID() NodeID {
	h := sha256.New()
	for _, s := range [...]string{string(n.Type), n.Environment, n.Namespace, n.System, n.Name} {
		var l [4]byte
		binary.LittleEndian.PutUint32(l[:], uint32(len(s)))
		h.Write(l[:])
		h.Write([]byte(s))
	}
	return NodeID(binary.BigEndian.Uint64(h.Sum(nil)))
}

// String is the id as 16 hex digits, its form in JSON and URLs.
func (id NodeID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// ParseNodeID reads a node id as written by String.
func ParseNodeID(s string) (NodeID, error) {
	v, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, fmt.Errorf("node id %q is not 16 hex digits", s)
	}
	return NodeID(v), nil
}

// Other is the name that stands for everything over a cardinality limit.
const Other = "__other__"

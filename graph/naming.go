package graph

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name of a node or operation, in bytes; longer ones are cut.
const MaxName = 255

// UnresolvedSystem is the System of a node that stands for the unknown peers of one caller. There is one
// per caller and protocol and never one for all: that would join services that have nothing in common.
const UnresolvedSystem = "unresolved"

// unknownService is the name of a resource that tells nothing about itself.
const unknownService = "unknown_service"

// Raw is what a span says of how it ended besides its attributes.
type Raw struct {
	Error   bool   // status code ERROR
	Message string // of the status
	Flags   uint32
}

// Describe fills in what a span's name and attributes tell of its Shape, whose Kind and Service must be set. It
// reports whether all spans are described alike whose attributes differ at most in the values of keys that Vary.
func (s *Shape) Describe(name string, a *Attributes) (alike bool) {
	a.varied = false
	s.Protocol = protocolOf(a)
	s.Operation = operationOf(name, s.Protocol, a)
	peerOf(s, a)
	s.marks = marksOf(s.Kind, a)
	system := a.first(rpcSystemName, rpcSystem)
	s.foreign = system != "" && system != "grpc"
	return !a.varied
}

// ServiceOf returns the service that a resource describes, and false if the resource does not name it:
// such services share the name unknown_service, or have the one that the SDK made up from it.
func ServiceOf(a *Attributes) (s Service, named bool) {
	s.Type = TypeService
	s.Name = unknownService
	for _, k := range [...]Key{
		serviceName, labelInstance, podLabelInstance, podLabelsInstance, labelName, podLabelName, podLabelsName,
		k8sDeploymentName, k8sStatefulSetName, k8sDaemonSetName, k8sCronJobName, k8sJobName, faasName, k8sContainerName,
	} {
		if name := cleanName(a.Text(k)); name != "" {
			s.Name = name
			break
		}
	}
	s.Namespace = cleanName(a.first(serviceNamespace, k8sNamespaceName))
	s.Environment = cleanName(a.first(deploymentEnvironmentName, deploymentEnvironment))
	s.Version = cleanName(a.Text(serviceVersion))
	switch tier := strings.ToLower(a.Text(serviceCriticality)); tier {
	case "critical", "high", "medium", "low":
		s.Tier = tier
	}
	return s, s.Name != unknownService && !strings.HasPrefix(s.Name, unknownService+":")
}

// protocolOf returns the protocol of a call, "" if no attribute tells. What a call is for comes before
// what carries it: a query sent over HTTP speaks the database's protocol.
func protocolOf(a *Attributes) string {
	if system := databaseSystem(a); system != "" {
		return system
	}
	if system := brokerSystem(a); system != "" {
		return system
	}
	switch {
	case a.has(rpcSystemName) || a.has(rpcSystem):
		return cleanName(strings.ToLower(a.first(rpcSystemName, rpcSystem)))
	case a.has(rpcGRPCStatusCode):
		return "grpc"
	}
	for _, k := range [...]Key{
		httpRequestMethod, httpMethod, httpResponseStatusCode, httpStatusCode, httpRoute, httpURL, httpTarget, httpScheme,
	} {
		if a.has(k) {
			return "http"
		}
	}
	return ""
}

// cleanName returns s fit to be shown and stored as a name: without control characters and outer blanks,
// and no longer than MaxName. It allocates only if a control character is removed.
func cleanName(s string) string {
	if isPlain(s) {
		return s
	}
	if strings.IndexFunc(s, unicode.IsControl) >= 0 {
		s = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, s)
	}
	return strings.TrimSpace(Cut(strings.TrimSpace(s), MaxName))
}

// isPlain reports whether s is a clean name of printable ASCII, as nearly all are. It looks at 8 bytes at a
// time: none may be below ' ' or above '~'.
func isPlain(s string) bool {
	n := len(s)
	if n < 8 {
		for i := range n {
			if s[i] < ' ' || s[i] > '~' {
				return false
			}
		}
		return n == 0 || s[0] != ' ' && s[n-1] != ' '
	}
	if n > MaxName || s[0] == ' ' || s[n-1] == ' ' {
		return false
	}
	const each = 0x0101010101010101
	for i := 0; ; i = min(i+8, n-8) { // the last 8 may be looked at again
		if x := eight(s[i:]); (x-each*' '|x|(x+each))&(each<<7) != 0 {
			return false
		}
		if i == n-8 {
			return true
		}
	}
}

// Cut returns s, or as much of it as fits into n bytes without dividing a character.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for end := n; end > max(n-utf8.UTFMax, 0); end-- {
		if utf8.RuneStart(s[end]) {
			return s[:end]
		}
	}
	return s[:n] // no text at all
}

package graph

import "strings"

// peerOf returns what an outgoing or consuming span says about its other end.
func peerOf(s *Span, a *Attributes) Peer {
	if !s.Kind.IsOutgoing() && s.Kind != KindConsumer {
		return Peer{}
	}
	p := inferPeer(s, a)
	if p.Type != "" {
		p.Environment = s.Service.Environment
	}
	p.Own = isOwn(s.Service, a)
	return p
}

// isOwn reports whether the span names its own service as its peer: some tracers give a store a service
// of its own, whose spans then describe the store from within.
func isOwn(s *Service, a *Attributes) bool {
	name := cleanName(a.first(servicePeerName, peerService))
	ns := cleanName(a.Text(servicePeerNamespace))
	return name != "" && name == s.Name && (ns == "" || ns == s.Namespace)
}

// inferPeer goes from what identifies the other end best to what hardly does.
func inferPeer(s *Span, a *Attributes) Peer {
	async := s.Kind != KindClient
	if !async {
		if system := databaseSystem(a); system != "" {
			return databasePeer(system, s.Service, a)
		}
	}
	if async || a.has(messagingSystem) {
		if p := queuePeer(s.Service, a); p.Type != "" {
			return p
		}
	}
	if s.Kind == KindConsumer {
		return Peer{} // an address or a peer's name is that of whoever sent, or of a proxy: no queue is known
	}
	if p := functionPeer(a); p.Type != "" {
		return p
	}
	if p := cloudPeer(s.Service, a); p.Type != "" {
		return p
	}
	if p := modelPeer(a); p.Type != "" {
		return p
	}
	return externalPeer(s, a)
}

// externalPeer names a peer by what the caller calls it, else by where it is, else by the interface it
// serves. If there is nothing of that, it is one unknown peer of this caller (see UnresolvedSystem).
func externalPeer(s *Span, a *Attributes) Peer {
	h := hostOf(a)
	if name := cleanName(a.first(servicePeerName, peerService)); name != "" {
		ns := cleanName(a.Text(servicePeerNamespace))
		return Peer{Node: Node{Type: TypeExternal, Name: name, Namespace: ns, Address: h.address(a)}}
	}
	if h.identifies() {
		address := h.address(a)
		return Peer{Node: Node{Type: TypeExternal, Name: cleanName(h.shown(address)), Address: address}, IP: h.isIP()}
	}
	if service := cleanName(rpcServiceOf(a)); service != "" {
		return Peer{Node: Node{Type: TypeExternal, Name: service, Address: h.address(a)}}
	}
	protocol := s.Protocol
	if protocol == "" {
		protocol = "unknown"
	}
	return Peer{Node: Node{
		Type: TypeExternal, System: UnresolvedSystem, Namespace: s.Service.Namespace, Address: h.address(a),
		Name: cleanName(a.join("unresolved:", protocol, " (", s.Service.Name, ")")),
	}}
}

// rpcServiceOf returns the full name of the interface called, such as "shop.CartService".
func rpcServiceOf(a *Attributes) string {
	method := strings.TrimPrefix(a.Text(rpcMethod), "/")
	if i := strings.LastIndexByte(method, '/'); i > 0 {
		return method[:i]
	}
	return a.Text(rpcService)
}

// functionPeer names a function that is called by its name rather than by an address.
func functionPeer(a *Attributes) Peer {
	name, region, provider := a.Text(faasInvokedName), a.Text(faasInvokedRegion), a.Text(faasInvokedProvider)
	if arn := a.Text(awsLambdaInvokedARN); arn != "" && (name == "" || strings.HasPrefix(name, "arn:")) {
		name = arn
	}
	if f, ok := parseARN(name); ok {
		// function:NAME or function:NAME:ALIAS
		name, _, _ = strings.Cut(strings.TrimPrefix(f.resource, "function:"), ":")
		region, provider = f.region, f.partition
	}
	if name = cleanName(name); name == "" {
		return Peer{}
	}
	return Peer{Node: Node{
		Type: TypeFunction, Name: name, Namespace: cleanName(region), System: cleanName(strings.ToLower(provider)),
	}}
}

// cloudPeer names what a call to a cloud provider's API works on, or that API.
func cloudPeer(caller *Service, a *Attributes) Peer {
	if bucket := cleanName(a.Text(awsS3Bucket)); bucket != "" {
		return Peer{Node: Node{Type: TypeExternal, System: "aws.s3", Name: cleanName("s3 " + bucket)}}
	}
	if a.first(rpcSystemName, rpcSystem) != "aws-api" {
		return Peer{}
	}
	if p := queueByURL(a); p.Type != "" {
		return p
	}
	if a.has(awsDynamoDBTableNames) {
		return databasePeer(dynamoDB, caller, a)
	}
	service := cleanName(rpcServiceOf(a))
	if service == "" {
		return Peer{}
	}
	return Peer{Node: Node{
		Type: TypeExternal, System: "aws-api", Name: cleanName("aws " + service), Address: hostOf(a).address(a),
	}}
}

// modelPeer names the provider of a language model, and the model.
func modelPeer(a *Attributes) Peer {
	if !a.has(genAIProviderName) && !a.has(genAISystem) {
		return Peer{}
	}
	provider := cleanName(strings.ToLower(a.first(genAIProviderName, genAISystem)))
	if provider == "" {
		return Peer{}
	}
	return Peer{Node: Node{
		Type: TypeExternal, System: provider, Name: cleanName(provider + " " + a.Text(genAIRequestModel)),
		Address: hostOf(a).address(a),
	}}
}

// arn is an Amazon resource name, arn:partition:service:region:account:resource.
type arn struct{ partition, region, resource string }

func parseARN(s string) (arn, bool) {
	if !strings.HasPrefix(s, "arn:") {
		return arn{}, false
	}
	parts := strings.SplitN(s, ":", 6)
	if len(parts) < 6 {
		return arn{}, false
	}
	return arn{partition: parts[1], region: parts[3], resource: parts[5]}, true
}

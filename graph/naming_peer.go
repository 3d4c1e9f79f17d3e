package graph

import "strings"

// peerOf fills in what outgoing or consuming spans say about its other end.
func peerOf(s *Shape, a *Attributes) {
	s.Peer = Peer{}
	if !s.Kind.IsOutgoing() && s.Kind != KindConsumer {
		return
	}
	p := &s.Peer
	if inferPeer(p, s, a) {
		p.Environment = s.Service.Environment
	}
	p.Own = isOwn(s.Service, a)
}

// isOwn reports whether the span names its own service as its peer: some tracers give a store a service
// of its own, whose spans then describe the store from within.
func isOwn(s *Service, a *Attributes) bool {
	name := cleanName(a.first(servicePeerName, peerService))
	ns := cleanName(a.Text(servicePeerNamespace))
	return name != "" && name == s.Name && (ns == "" || ns == s.Namespace)
}

// inferPeer goes from what identifies the other end best to what hardly does. It and those it asks fill p,
// which is empty, and return true, or leave it and return false.
func inferPeer(p *Peer, s *Shape, a *Attributes) bool {
	async := s.Kind != KindClient
	if !async {
		if system := databaseSystem(a); system != "" {
			return databasePeer(p, system, s.Service, a)
		}
	}
	if (async || a.has(messagingSystem)) && queuePeer(p, s.Service, a) {
		return true
	}
	if s.Kind == KindConsumer {
		return false // an address or a peer's name is that of whoever sent, or of a proxy: no queue is known
	}
	if !functionPeer(p, a) && !cloudPeer(p, s.Service, a) && !modelPeer(p, a) {
		externalPeer(p, s, a)
	}
	return true
}

// externalPeer names a peer by what the caller calls it, else by where it is, else by the interface it
// serves. If there is nothing of that, it is one unknown peer of this caller (see UnresolvedSystem).
func externalPeer(p *Peer, s *Shape, a *Attributes) {
	h := hostOf(a)
	p.Type, p.Address = TypeExternal, h.address(a)
	if name := cleanName(a.first(servicePeerName, peerService)); name != "" {
		p.Name, p.Namespace = name, cleanName(a.Text(servicePeerNamespace))
		return
	}
	if h.identifies() {
		p.Name, p.IP = cleanName(h.shown(p.Address)), h.isIP()
		return
	}
	if service := cleanName(rpcServiceOf(a)); service != "" {
		p.Name = service
		return
	}
	protocol := s.Protocol
	if protocol == "" {
		protocol = "unknown"
	}
	p.System, p.Namespace = UnresolvedSystem, s.Service.Namespace
	p.Name = cleanName(a.join("unresolved:", protocol, " (", s.Service.Name, ")"))
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
func functionPeer(p *Peer, a *Attributes) bool {
	if !a.has(faasInvokedName) && !a.has(awsLambdaInvokedARN) {
		return false
	}
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
		return false
	}
	p.Type, p.Name, p.Namespace, p.System = TypeFunction, name, cleanName(region), cleanName(strings.ToLower(provider))
	return true
}

// cloudPeer names what a call to a cloud provider's API works on, or that API.
func cloudPeer(p *Peer, caller *Service, a *Attributes) bool {
	if bucket := cleanName(a.Text(awsS3Bucket)); bucket != "" {
		p.Type, p.System, p.Name = TypeExternal, "aws.s3", cleanName(a.join("s3 ", bucket))
		return true
	}
	if a.first(rpcSystemName, rpcSystem) != "aws-api" {
		return false
	}
	if queueByURL(p, a) {
		return true
	}
	if a.has(awsDynamoDBTableNames) {
		return databasePeer(p, dynamoDB, caller, a)
	}
	service := cleanName(rpcServiceOf(a))
	if service == "" {
		return false
	}
	p.Type, p.System, p.Name, p.Address = TypeExternal, "aws-api", cleanName(a.join("aws ", service)), hostOf(a).address(a)
	return true
}

// modelPeer names the provider of a language model, and the model.
func modelPeer(p *Peer, a *Attributes) bool {
	if !a.has(genAIProviderName) && !a.has(genAISystem) {
		return false
	}
	provider := cleanName(strings.ToLower(a.first(genAIProviderName, genAISystem)))
	if provider == "" {
		return false
	}
	p.Type, p.System, p.Address = TypeExternal, provider, hostOf(a).address(a)
	p.Name = cleanName(a.join(provider, " ", a.Text(genAIRequestModel)))
	return true
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

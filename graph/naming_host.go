package graph

import (
	"net/netip"
	"strconv"
	"strings"
)

// host is where a peer is reached.
type host struct {
	name string // lower case, or an IP address without brackets; "" if nothing tells
	port int64  // 0 if nothing tells
}

// hostOf returns where the other end of a span is. A name that the caller used comes before an address
// that it resolved to: names are stable.
func hostOf(a *Attributes) host {
	for _, k := range [...]struct{ address, port Key }{
		{serverAddress, serverPort}, {netPeerName, netPeerPort}, {httpHost, netPeerPort},
	} {
		if h := splitHost(a.Text(k.address)); h.name != "" {
			return h.orPort(a, k.port)
		}
	}
	for _, k := range [...]Key{urlFull, httpURL} {
		if h := hostOfURL(a.Text(k)); h.name != "" {
			return h
		}
	}
	for _, k := range [...]struct{ address, port Key }{
		{networkPeerAddress, networkPeerPort}, {netSockPeerAddr, netSockPeerPort}, {netPeerIP, netPeerPort},
	} {
		if h := splitHost(a.Text(k.address)); h.name != "" {
			return h.orPort(a, k.port)
		}
	}
	return host{}
}

// orPort completes h with the port in an attribute of its own.
func (h host) orPort(a *Attributes, k Key) host {
	if n, ok := a.Int(k); ok && 0 < n && n < 1<<16 {
		h.port = n
	}
	return h
}

// splitHost reads "name", "name:port", "1.2.3.4:port", "::1" and "[::1]:port".
func splitHost(s string) host {
	s = cleanName(s)
	if s == "" {
		return host{}
	}
	name, port := s, ""
	if bracket := strings.LastIndexByte(s, ']'); s[0] == '[' && bracket > 0 {
		name, port = s[1:bracket], strings.TrimPrefix(s[bracket+1:], ":")
	} else if before, after, found := strings.Cut(s, ":"); found && isDigits(after) {
		name, port = before, after
	}
	h := host{name: strings.ToLower(strings.TrimSuffix(name, "."))}
	if isDigits(port) {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			h.port = int64(n)
		}
	}
	return h
}

// hostOfURL returns the host in an absolute URL, with the port that its scheme implies. User and password
// are left out.
func hostOfURL(url string) host {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		return host{}
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	h := splitHost(rest[strings.LastIndexByte(rest, '@')+1:])
	if h.port == 0 && h.name != "" {
		switch scheme {
		case "http", "ws":
			h.port = 80
		case "https", "wss":
			h.port = 443
		}
	}
	return h
}

// address is host:port, or the host alone if the port is unknown.
func (h host) address(a *Attributes) string {
	if h.port == 0 {
		return h.name
	}
	b := a.made.buf[:0]
	if strings.IndexByte(h.name, ':') >= 0 {
		b = append(append(append(b, '['), h.name...), ']')
	} else {
		b = append(b, h.name...)
	}
	return a.keep(strconv.AppendInt(append(b, ':'), h.port, 10))
}

// shown returns address, which is that of h, as part of a name: without the ports of HTTP and HTTPS, which
// one tracer tells and the next does not.
func (h host) shown(address string) string {
	if (h.port == 80 || h.port == 443) && (host{name: h.name}).identifies() {
		return h.name
	}
	return address
}

func (h host) isIP() bool {
	if c := h.name[0]; (c < '0' || c > '9') && strings.IndexByte(h.name, ':') < 0 {
		return false // as nearly always; parsing would tell at the price of an error
	}
	_, err := netip.ParseAddr(h.name)
	return err == nil
}

// identifies reports whether h tells one peer from another. The local host without a port is somebody
// else for every caller.
func (h host) identifies() bool {
	if h.name == "" || h.port != 0 {
		return h.name != ""
	}
	ip, err := netip.ParseAddr(h.name)
	return h.name != "localhost" && (err != nil || !ip.IsLoopback() && !ip.IsUnspecified())
}

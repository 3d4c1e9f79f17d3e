package api

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/graph"
)

// longest is the longest window that may be asked for: more than any tier keeps.
const longest = 400 * 24 * time.Hour

// known refuses query keys that the operation does not have; params is the generated struct of those it has.
func known(c *gin.Context, params any) error {
	var keys []string
	if params != nil {
		t := reflect.TypeOf(params)
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("form"), ",")
			keys = append(keys, name)
		}
	}
	for key := range c.Request.URL.Query() {
		if slices.Contains(keys, key) {
			continue
		}
		if len(keys) == 0 {
			return badRequestError(fmt.Sprintf("unknown query parameter %q: there are none here", key))
		}
		return badRequestError(fmt.Sprintf("unknown query parameter %q: there are %s", key, strings.Join(keys, ", ")))
	}
	return nil
}

// window reads from and to; each may be nil for its default.
func (a *API) window(from, to *string) (graph.Window, error) {
	now := a.now()
	read := func(name string, s *string, otherwise string) (time.Time, error) {
		if s == nil {
			s = &otherwise
		}
		t, err := instant(*s, now)
		if err != nil {
			return t, badRequestError(name + ": " + err.Error())
		}
		return t, nil
	}
	f, err := read("from", from, "now-15m")
	if err != nil {
		return graph.Window{}, err
	}
	t, err := read("to", to, "now")
	if err != nil {
		return graph.Window{}, err
	}
	w := graph.Window{From: f.UTC(), To: t.UTC()}
	if err := w.Validate(); err != nil {
		return w, badRequestError(err.Error())
	}
	if w.Duration() > longest {
		return w, badRequestError(fmt.Sprintf("the window is longer than %d days; ask for less", int(longest.Hours()/24)))
	}
	if w.From.Year() < 1971 || w.To.Year() > 2105 {
		return w, badRequestError("the window must lie between 1971 and 2105")
	}
	return w, nil
}

var relative = regexp.MustCompile(`^now(?:-(\d{1,6})([smhd]))?$`)

// instant reads RFC 3339 or now, now-30s, now-15m, now-2h, now-7d.
func instant(s string, now time.Time) (time.Time, error) {
	if m := relative.FindStringSubmatch(s); m != nil {
		if m[1] == "" {
			return now, nil
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return now, err
		}
		unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[m[2]]
		return now.Add(-time.Duration(n) * unit), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%q is neither RFC 3339 (2026-01-02T15:04:05Z) nor now, now-15m, now-2h or now-7d", s)
	}
	return t, nil
}

// nodeID and edgeKey read ids from a path or a query.
func nodeID(s string) (graph.NodeID, error) {
	id, err := graph.ParseNodeID(s)
	if err != nil {
		return 0, badRequestError(err.Error())
	}
	return id, nil
}

// nodeParam is a node that may be asked for; 0: none is.
func nodeParam(s *string) (graph.NodeID, error) {
	if s == nil {
		return 0, nil
	}
	return nodeID(*s)
}

// limitParam is how many may be answered at most: as many as is usual unless it is asked for fewer, or for more.
func limitParam(asked *int, usual, most int) (int, error) {
	switch {
	case asked == nil:
		return usual, nil
	case *asked < 1 || *asked > most:
		return 0, badRequestError(fmt.Sprintf("limit must be 1 to %d", most))
	}
	return *asked, nil
}

func edgeKey(s string) (graph.EdgeKey, error) {
	k, err := graph.ParseEdgeKey(s)
	if err != nil {
		return k, badRequestError(err.Error())
	}
	return k, nil
}

// ends reads the two nodes that an edge is between, from its id or written caller-callee.
func ends(s string) (caller, callee graph.NodeID, err error) {
	from, to, _ := strings.Cut(s, "-")
	caller, errFrom := graph.ParseNodeID(from)
	callee, errTo := graph.ParseNodeID(to)
	if errFrom == nil && errTo == nil {
		return caller, callee, nil
	}
	k, err := edgeKey(s)
	return k.Caller, k.Callee, err
}

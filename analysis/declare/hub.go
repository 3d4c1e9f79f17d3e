package declare

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// hubDependency is a DependencySummary of AWS Resilience Hub (API 2 of the service, ListDependencies), as far as it is used.
type hubDependency struct {
	Service     string `json:"serviceArn"`
	ID          string `json:"dependencyId"`
	Name        string `json:"dependencyName"`
	DNS         string `json:"dnsName"`
	Criticality string `json:"criticality"` // HARD, SOFT or UNKNOWN
	Comment     string `json:"comment"`
}

func readHub(text []byte) (list []hubDependency, err error) {
	var answer struct {
		Dependencies []hubDependency `json:"dependencySummaries"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("not an answer of ListDependencies: %w", err)
	}
	if answer.Dependencies == nil {
		return nil, fmt.Errorf("no dependencySummaries: give what `aws resiliencehubv2 list-dependencies` prints, or a list")
	}
	return answer.Dependencies, nil
}

// service is the name of the service in its ARN: arn:aws:resiliencehub:region:account:service/NAME:id.
func (h *hubDependency) service() string {
	_, resource, _ := strings.Cut(h.Service, ":service/")
	name, _, _ := strings.Cut(resource, ":")
	return name
}

func (h *hubDependency) callee() string {
	if h.DNS != "" {
		return h.DNS
	}
	return h.Name
}

func fromHub(text []byte) (items []item, err error) {
	list, err := readHub(text)
	for n := range list {
		h := &list[n]
		items = append(items, item{Line: n + 1, Value: Declaration{
			Caller: h.service(), Callee: h.callee(), Criticality: h.Criticality, Basis: Imported, Comment: h.Comment, By: "AWS Resilience Hub",
		}})
	}
	return items, err
}

// WriteHub writes, for every dependency that Resilience Hub lists in hub and that list says something about, a request of
// UpdateDependency, one a line. It returns how many there are. The Hub knows no partial dependencies: they can take
// their caller down, so they are hard.
func WriteHub(w io.Writer, hub []byte, list []Declaration) (n int, err error) {
	dependencies, err := readHub(hub)
	if err != nil {
		return 0, err
	}
	e := json.NewEncoder(w)
	for i := range dependencies {
		h := &dependencies[i]
		criticality, comment := h.judged(list)
		if criticality == "" {
			continue
		}
		err := e.Encode(struct {
			Service     string `json:"serviceArn"`
			ID          string `json:"dependencyId"`
			Criticality string `json:"criticality"`
			Comment     string `json:"comment"`
		}{h.Service, h.ID, criticality, comment})
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// judged is what a list says about a dependency: hard if that is said of any operation.
func (h *hubDependency) judged(list []Declaration) (criticality, comment string) {
	for i := range list {
		d := &list[i]
		if d.Criticality == Unknown || d.Caller != h.service() || !names(h.callee(), d.Callee) {
			continue
		}
		if d.Criticality != Soft {
			return "HARD", d.Comment
		}
		criticality, comment = "SOFT", d.Comment
	}
	return criticality, comment
}

package tier

import (
	"context"
	"errors"

	"faultline/cmd/internal/proc"
)

// self is the endpoint that stands for the process's own OTLP door, whatever its address.
const self = "self"

// StartSelfTraces makes the process trace its own work if the settings ask for it. Started after the doors
// and before the API, it sends the API's last spans while the doors still take them.
func (p *Process) StartSelfTraces(ctx context.Context) error {
	endpoint := p.Config.SelfTraces.Endpoint
	switch {
	case endpoint == "":
		return nil
	case endpoint == self && p.doors == nil:
		return errors.New("self_traces.endpoint: self needs an OTLP door, which this process does not have; name an endpoint")
	case endpoint == self:
		endpoint = proc.Dialable(p.doors.GRPCAddr())
		if p.Config.OTLP.TLS.CertFile != "" {
			endpoint = "grpcs://" + endpoint
		}
	}
	tracing, err := proc.StartTracing(ctx, endpoint, p.name, p.Log)
	if err != nil {
		return err
	}
	p.Parts.Go(ctx, "self_traces", tracing.Run)
	return nil
}

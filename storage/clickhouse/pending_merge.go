package clickhouse

import (
	"context"
	"errors"

	"faultline/graph"
)

var errNotYet = errors.New("not stored yet")

// Outcomes is not answered yet.
func (s *Store) Outcomes(context.Context, string, graph.Window, graph.NodeID) ([]graph.OutcomeRow, graph.Window, error) {
	return nil, graph.Window{}, errNotYet
}

// Halves is not answered yet.
func (s *Store) Halves(context.Context, string, graph.Window) ([]graph.HalfRow, graph.Window, error) {
	return nil, graph.Window{}, errNotYet
}

// Trace is not answered yet.
func (s *Store) Trace(context.Context, string, graph.TraceID) (graph.Trace, error) {
	return graph.Trace{}, errNotYet
}

// Traces is not answered yet.
func (s *Store) Traces(context.Context, string, graph.TraceQuery) ([]graph.TraceSummary, error) {
	return nil, errNotYet
}

// Pipeline is not answered yet.
func (s *Store) Pipeline(context.Context, graph.Window) ([]graph.PipelineRow, error) {
	return nil, errNotYet
}

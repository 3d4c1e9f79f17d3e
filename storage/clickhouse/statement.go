package clickhouse

import (
	"embed"
	"strings"
	"text/template"
)

// Statements are files. What several of them share (the tiers of a window, sums in the order of their columns) is
// defined once and put in when the program starts; values only ever travel as parameters.
var (
	//go:embed sql/*.sql
	statementFiles embed.FS

	statements = template.Must(template.ParseFS(statementFiles, "sql/*.sql"))

	insertNodes            = statement("insert_nodes.sql")
	insertCallSites        = statement("insert_call_sites.sql")
	insertOperations       = statement("insert_operations.sql")
	insertOutcomes         = statement("insert_outcomes.sql")
	insertHalves           = statement("insert_halves.sql")
	insertSpans            = statement("insert_spans.sql")
	insertAliases          = statement("insert_aliases.sql")
	selectAliases          = statement("select_aliases.sql")
	selectFirst            = statement("select_first.sql")
	insertPipeline         = statement("insert_pipeline.sql")
	insertExchangeRecords  = statement("insert_exchange_records.sql")
	insertExchangeMember   = statement("insert_exchange_member.sql")
	insertExchangeProgress = statement("insert_exchange_progress.sql")
	insertIncidents        = statement("insert_incidents.sql")
	selectIncidents        = statement("select_incidents.sql")
	insertPredictions      = statement("insert_predictions.sql")
	selectPredictions      = statement("select_predictions.sql")
	insertMemories         = statement("insert_memories.sql")
	selectMemories         = statement("select_memories.sql")
	insertFindings         = statement("insert_findings.sql")
	insertFindingEvents    = statement("insert_finding_events.sql")
	insertFindingMarks     = statement("insert_finding_marks.sql")
	selectFindings         = statement("select_findings.sql")
	selectFindingEvents    = statement("select_finding_events.sql")
	selectFindingMarks     = statement("select_finding_marks.sql")
	selectNow              = statement("select_now.sql")
	selectExchangeMembers  = statement("select_exchange_members.sql")
	selectExchangeProgress = statement("select_exchange_progress.sql")
	selectExchangeEpochs   = statement("select_exchange_epochs.sql")
	selectExchangeRecords  = statement("select_exchange_records.sql")
	selectEdges            = statement("select_edges.sql")
	selectServed           = statement("select_served.sql")
	selectNodes            = statement("select_nodes.sql")
	selectNodesAmong       = statement("select_nodes_among.sql")
	selectNodeType         = statement("select_node_type.sql")
	selectOperations       = statement("select_operations.sql")
	selectAllOperations    = statement("select_all_operations.sql")
	selectCallSites        = statement("select_call_sites.sql")
	selectTouched          = statement("select_touched.sql")
	selectOutcomes         = statement("select_outcomes.sql")
	selectOutcomeCounts    = statement("select_outcome_counts.sql")
	selectHalves           = statement("select_halves.sql")
	selectTrace            = statement("select_trace.sql")
	selectTraces           = statement("select_traces.sql")
	selectTracesOfEdge     = statement("select_traces_of_edge.sql")
	selectPipeline         = statement("select_pipeline.sql")
	selectChanged          = statement("select_changed.sql")
	selectChangedBuckets   = statement("select_changed_buckets.sql")
	selectSettings         = statement("select_settings.sql")
	rowsCallSites          = statement("rows_call_sites.sql")
	rowsOperations         = statement("rows_operations.sql")
	slotsOperations        = statement("slots_operations.sql")
	slotsCalls             = statement("slots_calls.sql")
	seriesServed           = statement("series_served.sql")
	seriesCalled           = statement("series_called.sql")
	seriesEdge             = statement("series_edge.sql")
	seriesOutcomes         = statement("series_outcomes.sql")
)

func statement(file string) string {
	var b strings.Builder
	if err := statements.ExecuteTemplate(&b, file, nil); err != nil {
		panic(err)
	}
	return b.String()
}

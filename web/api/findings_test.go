package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/sync/semaphore"

	"faultline/analysis"
	"faultline/analysis/finding"
	"faultline/web/api/gen"
)

// forgetful is an analyst that knows a report and waits for storage for all else.
type forgetful struct {
	Analyst
	report analysis.Report
}

func (f *forgetful) Report() *analysis.Report { return &f.report }

func (f *forgetful) Marks(ctx context.Context) (map[string]finding.Mark, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// While storage hangs, findings are shown soon, with the marks that the last look read.
func TestFindingsWhileStorageHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := finding.Finding{Claim: finding.Claim{Kind: "incident", Key: "1", Severity: finding.Critical}, State: finding.Open}
		a := &API{
			cfg: DefaultConfig(), log: slog.New(slog.DiscardHandler), now: time.Now, slots: semaphore.NewWeighted(1),
			analyst: &forgetful{report: analysis.Report{
				Findings: []finding.Finding{f}, Marks: map[string]finding.Mark{f.ID(): {ID: f.ID(), What: finding.Acknowledged}},
			}},
		}
		answer := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(answer)
		c.Request = httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/findings", nil)
		asked := time.Now()
		a.ListFindings(c, gen.ListFindingsParams{})
		if took := time.Since(asked); took > time.Second {
			t.Errorf("it took %s", took)
		}
		var got gen.Findings
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Findings) != 1 || got.Findings[0].Mark == nil || string(got.Findings[0].Mark.What) != finding.Acknowledged {
			t.Errorf("%d %s", answer.Code, answer.Body)
		}
	})
}

package api

import (
	"cmp"
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/analysis/declare"
	"faultline/web/api/gen"
)

// ExportDependencies answers GET /api/v1/export/dependencies.
func (a *API) ExportDependencies(c *gin.Context, p gen.ExportDependenciesParams) {
	err := known(c, p)
	if err == nil && p.Format != nil && !p.Format.Valid() {
		err = badRequestError("format must be json or csv")
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	list := a.analyst.Report().Declarations()
	if p.Format != nil && *p.Format == gen.Csv {
		c.Header("Content-Type", "text/csv; charset=utf-8")
		c.Status(http.StatusOK)
		_ = declare.WriteCSV(c.Writer, list) // who asked is gone
		return
	}
	out := []gen.Declaration{}
	for _, d := range list {
		out = append(out, gen.Declaration{
			Caller: d.Caller, Operation: d.Operation, Callee: d.Callee, Criticality: gen.DeclarationCriticality(cmp.Or(d.Criticality, declare.Unknown)),
			Basis: gen.DeclarationBasis(d.Basis), Comment: d.Comment, By: d.By,
		})
	}
	c.JSON(http.StatusOK, out)
}

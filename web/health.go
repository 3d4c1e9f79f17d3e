package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/web/api"
)

// health adds the probes: /livez says that the process answers, /readyz that the database does as well.
func health(r gin.IRouter, reader api.Reader) {
	live := func(c *gin.Context) { c.String(http.StatusOK, "ok\n") }
	r.GET("/livez", live)
	r.GET("/healthz", live)
	r.GET("/readyz", func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(c.Request.Context(), 2*time.Second)
		defer cancel()
		status, verdict := http.StatusOK, "ok"
		if err := reader.Ping(ctx); err != nil {
			status, verdict = http.StatusServiceUnavailable, "does not answer"
		}
		if _, verbose := c.GetQuery("verbose"); verbose {
			c.String(status, "process: ok\ndatabase: %s\n", verdict)
			return
		}
		if status != http.StatusOK {
			c.String(status, "database %s\n", verdict)
			return
		}
		c.String(status, "ok\n")
	})
}

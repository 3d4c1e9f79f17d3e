package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"faultline/graph"
	"faultline/web/api/gen"
)

// badRequestError is what is wrong with a request, in words for the person who made it.
type badRequestError string

func (e badRequestError) Error() string { return string(e) }

// notFoundError is what there is not, in words for the person who asked for it.
type notFoundError string

func (e notFoundError) Error() string { return string(e) }

// errBusy reports that a request did not get its turn in time.
var errBusy = errors.New("too many requests are under way; try again in a moment")

// fail answers with a problem: the one place that knows how errors become statuses.
func (a *API) fail(c *gin.Context, err error) {
	var bad badRequestError
	var missing notFoundError
	status, detail := http.StatusServiceUnavailable, "The database does not answer. Ingest goes on; try again in a moment."
	switch {
	case errors.As(err, &bad):
		status, detail = http.StatusBadRequest, err.Error()
	case errors.As(err, &missing):
		status, detail = http.StatusNotFound, err.Error()
	case errors.Is(err, graph.ErrNotFound):
		status, detail = http.StatusNotFound, "Nothing was seen of it in this window: "+err.Error()
	case errors.Is(err, errBusy), errors.Is(err, errStreams):
		detail = err.Error()
	case errors.Is(err, context.Canceled) && c.Request.Context().Err() != nil:
		c.Abort() // the client has gone
		return
	default:
		a.log.WarnContext(c.Request.Context(), "request not answered", "err", err, "path", c.FullPath())
	}
	if status == http.StatusServiceUnavailable {
		c.Header("Retry-After", "2")
	}
	Problem(c, status, detail)
}

// Problem answers with an RFC 9457 problem document.
func Problem(c *gin.Context, status int, detail string) {
	instance := c.Request.URL.Path
	body, err := json.Marshal(gen.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Instance: &instance,
	})
	if err != nil { // strings and a number cannot fail
		panic(err)
	}
	c.Data(status, "application/problem+json", body)
	c.Abort()
}

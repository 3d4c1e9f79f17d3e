// Package web serves the API and the user interface over one HTTP handler.
package web

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	spec "faultline/docs/api"
	"faultline/web/api"
)

// Dependencies are what the handler needs from the process it runs in.
type Dependencies struct {
	Reader   api.Reader
	Analyst  api.Analyst
	UI       fs.FS        // the built web application; without an index.html a page says how to build it
	Metrics  http.Handler // GET /metrics
	Tracer   trace.Tracer // spans of the API's own requests
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// New returns the handler of everything under /. Its event streams end when ctx does, so that a server can
// shut down.
func New(ctx context.Context, cfg api.Config, d Dependencies) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.RedirectTrailingSlash = false
	r.HandleMethodNotAllowed = true
	// No proxy is trusted to say who the client is.
	if err := r.SetTrustedProxies(nil); err != nil {
		panic(err) // only for addresses that do not parse, and there are none
	}
	log := d.Log.With("component", "web")
	r.Use(observed(d.Registry, log), traced(d.Tracer), recovered(log), secured, sameOrigin)

	a := api.New(ctx, cfg, d.Reader, d.Analyst, d.Log)
	a.Register(r.Group("/api/v1"))
	health(r, d.Reader)
	r.GET("/metrics", gin.WrapH(d.Metrics))
	r.GET("/openapi.yaml", func(c *gin.Context) { c.Data(http.StatusOK, "application/yaml", spec.OpenAPI) })
	serveUI(r, d.UI)

	zip, err := gzhttp.NewWrapper(gzhttp.ContentTypeFilter(func(ct string) bool {
		return gzhttp.DefaultContentTypeFilter(ct) && ct != "text/event-stream"
	}))
	if err != nil {
		panic(err) // only for options that contradict each other
	}
	return zip(r)
}

// observed counts and times requests by route; what is not a route is one.
func observed(reg prometheus.Registerer, log *slog.Logger) gin.HandlerFunc {
	f := promauto.With(reg)
	requests := f.NewCounterVec(prometheus.CounterOpts{
		Name: "faultline_api_requests_total", Help: "HTTP requests answered, by route and status code.",
	}, []string{"route", "code"})
	seconds := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "faultline_api_request_seconds", Help: "Time to answer, by route; event streams are left out.",
		Buckets: prometheus.ExponentialBuckets(0.001, 2, 15),
	}, []string{"route"})
	return func(c *gin.Context) {
		start := time.Now()
		c.Next()
		route := c.FullPath()
		if route == "" {
			route = "ui"
		}
		requests.WithLabelValues(route, strconv.Itoa(c.Writer.Status())).Inc()
		if route != "/api/v1/events" {
			seconds.WithLabelValues(route).Observe(time.Since(start).Seconds())
		}
		log.DebugContext(c.Request.Context(), "request", "method", c.Request.Method, "route", route,
			"status", c.Writer.Status(), "duration_ms", time.Since(start).Milliseconds())
	}
}

// traced makes a span of every API request, as a child of the caller's if it sent one.
func traced(tracer trace.Tracer) gin.HandlerFunc {
	propagator := propagation.TraceContext{}
	return func(c *gin.Context) {
		route := c.FullPath()
		if route == "" || route == "/api/v1/events" {
			c.Next()
			return
		}
		ctx := propagator.Extract(c.Request.Context(), propagation.HeaderCarrier(c.Request.Header))
		ctx, span := tracer.Start(ctx, c.Request.Method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(
				attribute.String("http.request.method", c.Request.Method), attribute.String("http.route", route),
				attribute.String("url.path", c.Request.URL.Path), attribute.String("url.scheme", "http")))
		defer span.End()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
		status := c.Writer.Status()
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
	}
}

// recovered turns a panic into a problem and a log line that somebody should look at.
func recovered(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // it is compared as net/http does
					panic(p)
				}
				log.ErrorContext(c.Request.Context(), "panic in a request", "panic", p, "stack", string(debug.Stack()))
				api.Problem(c, http.StatusInternalServerError, "This is a fault of Faultline; its log says more.")
			}
		}()
		c.Next()
	}
}

// sameOrigin refuses requests that change something when a page of another site makes a browser send them.
func sameOrigin(c *gin.Context) {
	if err := http.NewCrossOriginProtection().Check(c.Request); err != nil {
		api.Problem(c, http.StatusForbidden, "A page of another site may not change anything here.")
	}
}

// secured sets the headers that keep a page of ours from being used against its reader. The map's layout
// runs in a worker, and chart and map libraries set style attributes.
func secured(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "+
		"font-src 'self' data:; worker-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	c.Next()
}

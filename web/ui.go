package web

import (
	"bytes"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/web/api"
)

const notBuilt = `<!doctype html><meta charset="utf-8"><title>Faultline</title>
<p>The web interface was not built into this binary. Run <code>make ui build</code> and start it again.
The <a href="/api/v1/graph">API</a> works meanwhile.
`

// serveUI serves the web application: its files, and its index.html for every other path, since each view
// of it is a URL.
func serveUI(r *gin.Engine, files fs.FS) {
	index, err := fs.ReadFile(files, "index.html")
	built := err == nil
	if !built {
		index = []byte(notBuilt)
	}
	r.NoMethod(func(c *gin.Context) { // the header Allow is there already
		api.Problem(c, http.StatusMethodNotAllowed, c.Request.Method+" is not possible here; "+c.Writer.Header().Get("Allow")+" is.")
	})
	r.NoRoute(func(c *gin.Context) {
		name := strings.TrimPrefix(path.Clean(c.Request.URL.Path), "/")
		switch {
		case name == "api" || strings.HasPrefix(name, "api/"):
			api.Problem(c, http.StatusNotFound, "There is no such resource; /openapi.yaml lists those there are.")
			return
		case c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead:
			api.Problem(c, http.StatusMethodNotAllowed, "Only GET is possible here.")
			return
		}
		if name != "" && name != "index.html" {
			if body, err := fs.ReadFile(files, name); err == nil {
				if strings.HasPrefix(name, "assets/") { // their names change with their content
					c.Header("Cache-Control", "public, max-age=31536000, immutable")
				}
				http.ServeContent(c.Writer, c.Request, path.Base(name), time.Time{}, bytes.NewReader(body))
				return
			}
			if strings.HasPrefix(name, "assets/") { // of another release: a page must not be taken for a script
				api.Problem(c, http.StatusNotFound, "There is no such file in this release; load the page again.")
				return
			}
		}
		c.Header("Cache-Control", "no-cache")
		status := http.StatusOK
		if !built {
			status = http.StatusServiceUnavailable
		}
		c.Data(status, "text/html; charset=utf-8", index)
	})
}

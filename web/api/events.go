package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"faultline/web/api/gen"
)

const (
	pollEvery = time.Second      // how soon somebody who listens learns of new data
	beatEvery = 15 * time.Second // proxies close what is silent for a minute
)

// errStreams reports that no more event streams are to be had.
var errStreams = errors.New("too many event streams are open; the page still works, and can ask again by itself")

// hub asks storage whether there is something new, once for all who listen and only while somebody does.
type hub struct {
	ctx    context.Context
	reader Reader
	most   int

	mu        sync.Mutex
	listeners map[chan time.Time]struct{}
	polling   bool
}

func newHub(ctx context.Context, most int, reader Reader) *hub {
	return &hub{ctx: ctx, reader: reader, most: most, listeners: map[chan time.Time]struct{}{}}
}

// listen returns a channel of the times at which new data were stored; only the latest is kept for a slow
// listener. leave ends it.
func (h *hub) listen() (news <-chan time.Time, leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.listeners) >= h.most {
		return nil, nil, errStreams
	}
	ch := make(chan time.Time, 1)
	h.listeners[ch] = struct{}{}
	if !h.polling {
		h.polling = true
		go h.poll()
	}
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.listeners, ch)
	}, nil
}

// poll runs while there are listeners.
func (h *hub) poll() {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last time.Time
	for {
		ctx, cancel := context.WithTimeout(h.ctx, 5*time.Second)
		at, err := h.reader.Changed(ctx, tenant)
		cancel()
		h.mu.Lock()
		if len(h.listeners) == 0 {
			h.polling = false
			h.mu.Unlock()
			return
		}
		if err == nil && at.After(last) { // while storage is away there is nothing new
			last = at
			for ch := range h.listeners {
				select {
				case <-ch:
				default:
				}
				ch <- at
			}
		}
		h.mu.Unlock()
		select {
		case <-tick.C:
		case <-h.ctx.Done():
			return
		}
	}
}

// StreamEvents answers GET /api/v1/events.
func (a *API) StreamEvents(c *gin.Context) {
	if err := known(c, nil); err != nil {
		a.fail(c, err)
		return
	}
	news, leave, err := a.events.listen()
	if err != nil {
		a.fail(c, err)
		return
	}
	defer leave()
	c.Header("Content-Type", "text/event-stream")
	c.Header("Cache-Control", "no-store")
	c.Header("X-Accel-Buffering", "no")
	c.Status(http.StatusOK)
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	message := ": hello\n\n" // so that the client knows at once that it is connected
	for {
		if _, err := c.Writer.WriteString(message); err != nil {
			return
		}
		c.Writer.Flush()
		select {
		case at := <-news:
			body, err := json.Marshal(gen.GraphEvent{At: at.UTC()})
			if err != nil { // a time cannot fail
				panic(err)
			}
			message = fmt.Sprintf("event: graph\ndata: %s\n\n", body)
		case <-beat.C:
			message = ": still here\n\n"
		case <-c.Request.Context().Done():
			return
		case <-a.events.ctx.Done():
			return
		}
	}
}

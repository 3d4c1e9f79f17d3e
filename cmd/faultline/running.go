package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"faultline/web/api/gen"
)

// runningURL is where commands that ask a running Faultline find it, unless a flag says otherwise.
func runningURL() string { return cmp.Or(os.Getenv("FAULTLINE_URL"), "http://127.0.0.1:8080") }

func fetch(ctx context.Context, url string, to any) error {
	return fetchWithin(ctx, reportTimeout, url, to)
}

func fetchWithin(ctx context.Context, limit time.Duration, url string, to any) error {
	if base, _, _ := strings.Cut(url, "/api/"); !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") {
		return refusal("that is no URL; write http://" + base)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var problem gen.Problem
		if json.NewDecoder(resp.Body).Decode(&problem) == nil && problem.Detail != "" {
			return refusal(problem.Detail)
		}
		if resp.StatusCode == http.StatusNotFound {
			return errors.New("something else than the API answers there; OTLP and the admin listener have ports of their own")
		}
		return errors.New(resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(to)
}

// refusal is why a running Faultline did not answer, in its own words.
type refusal string

func (r refusal) Error() string { return string(r) }

// unanswered says that a question was not answered and why; where it may be that nobody is there, also which flag says where to ask.
func unanswered(base, flag string, err error) error {
	if _, said := errors.AsType[refusal](err); said {
		return fmt.Errorf("ask %s: %w", base, err)
	}
	return fmt.Errorf("ask %s: %w (is Faultline running there? %s says where)", base, err, flag)
}

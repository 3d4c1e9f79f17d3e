package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// npmPack has npm fetch a package into dir and returns the path of the archive. npm is what people and
// build machines have set up for their mirrors, proxies and credentials, so all of that applies.
func npmPack(ctx context.Context, spec, dir string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errors.New("npm is needed to fetch the engine: install Node.js with npm, " +
			"or fetch the package elsewhere and pass it with --package")
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, npm, "pack", spec, "--pack-destination", dir, "--ignore-scripts", "--loglevel", "error")
	cmd.Dir = dir
	cmd.Stderr = &stderr
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", explainNpm(err, stderr.String())
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return "", fmt.Errorf("npm pack left %d archives in %s, not one", len(archives), dir)
	}
	return archives[0], nil
}

// explainNpm says what a person can do about a failure of npm, from the error codes it prints.
func explainNpm(err error, stderr string) error {
	code := ""
	var said []string
	for line := range strings.Lines(stderr) {
		for _, prefix := range []string{"npm error", "npm ERR!"} { // npm 10 and later, and before
			if text, ok := strings.CutPrefix(line, prefix); ok {
				text = strings.TrimSpace(text)
				if c, ok := strings.CutPrefix(text, "code "); ok {
					code = c
				} else if text != "" && !strings.HasPrefix(text, "A complete log") {
					said = append(said, text)
				}
			}
		}
	}
	detail := strings.Join(said[:min(len(said), 3)], "; ")
	switch code {
	case "ENOSPC":
		return fmt.Errorf("%w (npm: %s)", ErrDiskFull, detail)
	case "EACCES", "EPERM", "EROFS":
		return fmt.Errorf("npm cannot write: %w (%s)", ErrPermission, detail)
	case "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENOTCACHED":
		return fmt.Errorf("npm does not reach its registry (%s): check the network and npm's registry and proxy settings, "+
			"or fetch the package elsewhere and pass it with --package: %s", code, detail)
	case "E404", "ETARGET":
		return fmt.Errorf("npm's registry does not have the engine (%s): if it is a mirror, have it carry the package: %s", code, detail)
	}
	if detail == "" {
		detail = strings.TrimSpace(stderr)
	}
	return fmt.Errorf("npm pack: %w: %s", err, detail)
}

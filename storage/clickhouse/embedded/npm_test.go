package embedded

import (
	"errors"
	"strings"
	"testing"
)

func TestExplainNpm(t *testing.T) {
	failed := errors.New("exit status 1")
	tests := map[string]struct {
		stderr string
		is     error
		want   string
	}{
		"disk full":     {"npm error code ENOSPC\nnpm error nospc ENOSPC: no space left on device, write\n", ErrDiskFull, "no space left on device, write"},
		"cache of root": {"npm error code EACCES\nnpm error syscall mkdir\nnpm error path /root/.npm\n", ErrPermission, "path /root/.npm"},
		"no name service": {"npm ERR! code EAI_AGAIN\nnpm ERR! errno EAI_AGAIN\nnpm ERR! request failed\n", nil,
			"npm does not reach its registry (EAI_AGAIN): check the network"},
		"mirror without it": {"npm error code E404\nnpm error 404 Not Found\n", nil, "if it is a mirror, have it carry the package: 404 Not Found"},
		"anything else":     {"npm error code EINTEGRITY\nnpm error sha512-a\nnpm error A complete log of this run can be found in: /x\n", failed, "npm pack: exit status 1: sha512-a"},
		"not npm's words":   {"node: not found\n", failed, "npm pack: exit status 1: node: not found"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := explainNpm(failed, tt.stderr)
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want %q in it", err, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %q, want %v", err, tt.is)
			}
			if strings.Contains(err.Error(), "complete log") {
				t.Errorf("error %q repeats npm's chatter", err)
			}
		})
	}
}

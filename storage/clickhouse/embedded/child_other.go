//go:build !(linux && amd64)

package embedded

import "syscall"

const childCommand = "__engine"

// MaybeRunChild does nothing: there is no engine for this platform.
func MaybeRunChild() {}

func childAttributes() *syscall.SysProcAttr { return nil }

func checkPlatform() error { return ErrPlatform }

package tier

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"faultline/analysis"
	"faultline/analysis/declare"
	"faultline/analysis/slo"
)

// Read reads what people wrote down. It says every mistake in every file.
func (c *ExpectConfig) Read() (x analysis.Expectations, err error) {
	x.Objectives, err = written("objectives", c.Objectives, slo.Parse)
	declarations, bad := written("declarations", c.Declarations, declare.Parse)
	x.Declarations = declarations
	return x, errors.Join(err, bad)
}

// written reads one file, if there is one.
func written[T any](what, file string, parse func([]byte) (T, error)) (x T, err error) {
	if file == "" {
		return x, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return x, fmt.Errorf("read the %[1]s (--%[1]s): %[2]w", what, err)
	}
	if x, err = parse(text); err != nil {
		return x, errors.New(file + " has mistakes:\n  " + strings.ReplaceAll(fmt.Sprint(err), "\n", "\n  "))
	}
	return x, nil
}

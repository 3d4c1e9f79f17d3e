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
	x.Objectives, err = written(c.Objectives, slo.Parse)
	declarations, bad := written(c.Declarations, declare.Parse)
	x.Declarations = declarations
	return x, errors.Join(err, bad)
}

// written reads one file, if there is one.
func written[T any](file string, parse func([]byte) (T, error)) (what T, err error) {
	if file == "" {
		return what, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return what, err
	}
	if what, err = parse(text); err != nil {
		return what, errors.New(file + " has mistakes:\n  " + strings.ReplaceAll(fmt.Sprint(err), "\n", "\n  "))
	}
	return what, nil
}

// Package spec carries the description of the HTTP API, so that the product can serve it and tests can hold
// every answer against it.
package spec

import _ "embed"

// OpenAPI is openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte

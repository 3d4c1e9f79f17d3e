// Package gen is generated from docs/api/openapi.yaml: the wire types and the server interface.
package gen

//go:generate go tool oapi-codegen -config config.yaml ../../../docs/api/openapi.yaml

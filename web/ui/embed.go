// Package ui holds the built web application, as files to be served under /. It is built by `npm ci && npm
// run build` in this folder; without that the folder is empty, and its user says so instead of serving it.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var files embed.FS

// Dist is the built application: index.html at its root, hashed files under assets/ that may be cached
// forever. It has no index.html when the application has not been built.
var Dist fs.FS = sub()

func sub() fs.FS {
	dist, err := fs.Sub(files, "dist")
	if err != nil { // only for an invalid path, and "dist" is a constant
		panic(err)
	}
	return dist
}

// Copyright 2018 The OPA Authors.  All rights reserved.
// Use of this source code is governed by an Apache2
// license that can be found in the LICENSE file.

package version

// Version numbers set during build.
var (
	Version    = ""
	OPAVersion = ""
)

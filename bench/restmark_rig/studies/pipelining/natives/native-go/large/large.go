// Package large has the large answer, which server and client know.
package large

import "bytes"

// Bytes is as much as restmark's /transfer-data answers.
const Bytes = 133_622

// Body is the answer.
var Body = bytes.Repeat([]byte("0123456789abcdef"), Bytes/16+1)[:Bytes]

/* Error bodies: application/problem+json (RFC 9457). */
#ifndef RESTMARK_GATE_PROBLEM_H
#define RESTMARK_GATE_PROBLEM_H

#include "base/buf.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/* The reason phrase of a status. */
const char *problem_title(unsigned int status);

enum { PROBLEM_MAX = 1024 }; /* bytes that hold any body; an overlong detail is cut */

/* Appends the body for `status` to `out` (PROBLEM_MAX bytes free). `detail` is a sentence for the person at the client; what it
 * quotes of the request may be any bytes: those that are not printable ASCII become "?". */
void problem_write(struct buf *out, unsigned int status, const char *detail);

#endif

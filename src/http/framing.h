/* What libmicrohttpd lets pass and must not: ambiguous framing, by which a proxy in front and this server could disagree about where
 * a request ends (request smuggling). */
#ifndef RESTMARK_HTTP_FRAMING_H
#define RESTMARK_HTTP_FRAMING_H

#include <microhttpd.h>

#include "base/error.h"
#include "http/connection.h"

struct framing {
        uint64_t head_bytes;     /* request line and header fields, with all line ends */
        uint64_t memory_bytes;   /* at most, of the library's memory for the request: the head and its parsed form */
        uint64_t content_length; /* bytes; 0 if not given */
        bool last;               /* the connection must not be used again */
};

/* Examines a request whose head has arrived, from the access handler's first call, which must pass on the `method` and `version`
 * pointers that it got. Returns 0, or -EBADMSG with a sentence for the client; then 400 is due and the connection must be closed. */
int framing_check(const struct connection *connection, const char *method, const char *version, struct framing *ret,
                  struct error *e);

#endif

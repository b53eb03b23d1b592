/* One client connection and the request that is being served on it. Inside the http room only. */
#ifndef RESTMARK_HTTP_CONNECTION_H
#define RESTMARK_HTTP_CONNECTION_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/access_log.h"
#include "http/route.h"

enum request_stage {
        REQUEST_NONE,  /* waiting for a request line */
        REQUEST_HEAD,  /* the request line is in */
        REQUEST_BODY,  /* the head is accepted, a body may come */
        REQUEST_ANSWER /* an answer is queued */
};

/* What is known of the client's side of the stream since something was read from it. */
enum hangup {
        HANGUP_UNKNOWN, /* not looked at */
        HANGUP_ONCE,    /* it had ended at the last look */
        HANGUP_LOOKED   /* it had not, or the connection is being closed */
};

struct request {
        enum request_stage stage;
        enum route_method method;  /* GET until the head is in */
        bool refuse_target;        /* the target holds a space or an encoded NUL */
        bool last;                 /* the answer closes the connection */
        const char *target, *target_end; /* the raw request target in the library's buffer, for the framing check */
        const struct route *route; /* NULL: none */
        unsigned int status;       /* of the answer */
        bool answered_directly;    /* past the library, which only sees the connection end */
        uint64_t body_received;    /* bytes */
        uint64_t body_sent;        /* bytes, once the answer is through: of the answer's body, nothing else */
        uint64_t started_ns; /* when the request line was in */
        uint64_t busy_ns;
};

/* What the request log will want of the request. */
struct request_notes {
        char method[24], target[ACCESS_LOG_TARGET_MAX], address[ACCESS_LOG_ADDRESS_MAX];
};

struct server;

struct connection {
        struct server *server;
        struct MHD_Connection *mhd;
        struct connection *previous, *next;
        int fd; /* the library's */
        uint64_t deadline_ms;
        bool is_private; /* the master's own: neither counted nor logged */
        bool linger; /* part of the input is left unread */
        enum hangup hangup;
        struct request_notes *notes; /* NULL without a request log */
        struct request request;
};

#endif

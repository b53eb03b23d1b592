/* What the files of the http room share. */
#ifndef RESTMARK_HTTP_SERVER_INTERNAL_H
#define RESTMARK_HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <time.h>

#include "http/at_once.h"
#include "http/connection.h"
#include "gate/linger.h"
#include "http/request_log.h"
#include "http/server.h"
#include "http/suspension.h"
#include "store/store.h"

enum { ANSWER_HEAD_MAX = 384 /* bytes of any answer's head: the longest, a 405's, has some 250 */ };

enum { SERVER_DRAIN_IDLE_MS = 1000 /* an idle connection lives this long into a drain, so that a request on its way is still answered */ };

/* An answer whose body never changes, made at first use and again when the second of its Date is over. */
struct ready_answer {
        struct MHD_Response *response; /* NULL: there is none */
        time_t date_s;
};

struct server {
        struct MHD_Daemon *mhd;
        int mhd_epoll; /* the library's */
        struct server_limits limits;
        struct intake_owner intake_owner;
        struct body_memory bodies;
        const struct router *router;
        char *query_memory;                /* for the decoded arguments of any query */
        struct suspensions *suspensions; /* NULL: requests cannot wait */
        struct store *database, *cache; /* NULL: there is none */
        struct work *work;
        const struct dataset *dataset;
        struct restmark_worker_cell *cell;
        struct linger_set *linger;
        unsigned int worker;               /* slot */
        struct request_log *log;           /* NULL: none */
        struct connection *connections;    /* all, in no order */
        uint64_t n_connections;
        uint64_t now_ms, next_deadline_ms; /* no connection's deadline is earlier */
        uint64_t next_hangup_look_ms;
        unsigned int hangup_looks;
        uint64_t n_tls, next_tls_log_ms;   /* connections that began with TLS since the last message of it */
        bool has_turned; /* the library, on all that has come since the last server_run() */
        bool draining;
        bool has_complained;               /* of a library that reads past the gate */
        bool adding_private;               /* what is opened now is the master's own */
        struct ready_answer ready[_WORKLOAD_MAX];
        struct at_once at_once;
};

/* Queues the answer for the request of `c` and returns the library's verdict. */
enum MHD_Result answer_request(struct connection *c);

#endif

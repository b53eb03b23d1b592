/* What the files of the http room share. */
#ifndef RESTMARK_HTTP_SERVER_INTERNAL_H
#define RESTMARK_HTTP_SERVER_INTERNAL_H

#include <microhttpd.h>

#include "http/connection.h"
#include "http/linger.h"
#include "http/request_log.h"
#include "http/server.h"

#define SERVER_BODY_TOO_LARGE "The request body is larger than this server accepts."
#define SERVER_HEAD_TOO_LARGE "The request line and header fields are larger, or more, than this server accepts."

struct server {
        struct MHD_Daemon *mhd;
        int mhd_epoll; /* the library's */
        struct server_limits limits;
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
        bool draining;
        bool adding_private;               /* what is opened now is the master's own */
        struct MHD_Response *ready[_WORKLOAD_MAX]; /* answers whose bodies never change, made at first use */
};

/* Queues the answer for the request of `c` and returns the library's verdict. */
enum MHD_Result answer_request(struct connection *c, const char *path);

/* Answers with a problem and ends the connection. Returns MHD_NO, by which the library learns of the end. */
enum MHD_Result answer_and_close(struct connection *c, unsigned int status, const char *detail);

/* In server.c: the connection that belongs to one of the library's; NULL if there was no memory for it. */
struct connection *server_connection(struct MHD_Connection *mhd);

/* In server.c: a request begins, with this target as the client sent it ("-": it is not known). */
void server_begin_request(struct connection *c, const char *target);

/* In server.c: counts and logs the request that ends now. */
void server_end_request(struct connection *c, bool answered);

#endif

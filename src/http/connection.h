/* One client connection and the request that is being served on it. Inside the http room only. */
#ifndef RESTMARK_HTTP_CONNECTION_H
#define RESTMARK_HTTP_CONNECTION_H

#include <microhttpd.h>
#include <restmark/scoreboard.h>
#include <stdbool.h>
#include <stdint.h>

#include "gate/intake.h"
#include "http/access_log.h"
#include "http/route.h"
#include "http/timers.h"

enum request_stage {
        REQUEST_NONE,    /* waiting for a request line */
        REQUEST_COMING,  /* the request line is in */
        REQUEST_HEAD,    /* the request is whole and with the library */
        REQUEST_WHOLE,   /* the library has shown it */
        REQUEST_WAITS,   /* it is suspended */
        REQUEST_ANSWER   /* an answer is queued */
};

/* What is known of the client's side of the stream since something was read from it. */
enum hangup {
        HANGUP_UNKNOWN, /* not looked at */
        HANGUP_ONCE,    /* it had ended at the last look */
        HANGUP_LOOKED   /* it had not, or the connection is being closed */
};

struct request {
        enum request_stage stage;
        enum route_method method;
        bool is_server_wide;       /* the target is "*" */
        bool last;                 /* the answer closes the connection */
        bool has_waited;           /* for what it was suspended for */
        bool is_given_up;          /* while it did, its client left */
        const struct route *route; /* NULL: none */
        unsigned int status;       /* of the answer */
        uint64_t body_sent;        /* bytes, once the answer is through: of the answer's body, nothing else */
        uint64_t started_ns;       /* when the request line was in */
        uint64_t busy_ns;
};

/* What the request log will want of the request. */
struct request_notes {
        char method[24], target[ACCESS_LOG_TARGET_MAX], address[ACCESS_LOG_ADDRESS_MAX];
};

/* Of a request that waits. */
struct suspension {
        uint64_t since_ms;
        bool is_watched;                    /* its client's end is looked for, … */
        struct connection *previous, *next; /* … or will be, after these */
};

struct server;
struct stored; /* http/question.h */

struct connection {
        struct server *server;
        struct MHD_Connection *mhd;
        struct connection *previous, *next;
        struct intake intake;
        struct timer timer; /* runs while the request waits */
        struct suspension suspension;
        int fd; /* the library's */
        uint64_t deadline_ms;
        bool is_private; /* the master's own: neither counted nor logged */
        bool linger;     /* answers may be on their way, and part of the input is left unread */
        bool has_answered; /* after which an end of the connection is no wonder */
        unsigned int large_pause; /* so many large answers are not tried at once */
        uint64_t begun_ns;        /* when the answer was begun that the library will go on with; 0: none was */
        size_t unseen_bytes; /* sent, at most, since the client was last seen to have taken everything */
        enum restmark_close close; /* why it is being closed; RESTMARK_CLOSE_COUNT: it is not, by the server */
        enum hangup hangup;
        struct request_notes *notes; /* NULL without a request log */
        struct stored *stored;       /* what a request has asked a store; NULL until one does */
        char path[ROUTE_PATH_MAX];   /* of a request whose route has arguments */
        struct request request;
};

/* The library's notifications of connections and the end of requests, `context` being the server. */
void connection_notify(void *context, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code);
void connection_completed(void *context, struct MHD_Connection *mhd, void **request_context, enum MHD_RequestTerminationCode code);

/* The same of a request line, as MHD_OPTION_URI_LOG_CALLBACK has it. Returns the connection, which becomes the request's context; NULL if
 * the request did not come through the gate or there was no memory for the connection. */
void *connection_request_line(void *context, const char *target, struct MHD_Connection *mhd);

/* For the request log, if there is one: a request that the library has not shown. */
void connection_note_request(struct connection *c, const struct intake_request *request);

/* The request is over: it is counted and logged, and the next one is waited for. `is_answered`: all of its answer is sent. */
void connection_finish_request(struct connection *c, bool is_answered);

/* For the request log, if there is one: the request's method. */
void connection_note_method(struct connection *c, const char *method);

/* What the gate tells (struct intake_owner). */
void connection_begun(void *context, const struct intake_request *request);
void connection_refused(void *context, const struct gate_refusal *refusal, bool is_head, const struct intake_request *request);

/* Whether something has come that was not read. */
bool connection_has_input(const struct connection *c);

/* Whether the client's kernel does not have all of what was sent. */
bool connection_has_output(const struct connection *c);

/* The time up to which something must happen. */
void connection_set_deadline(struct connection *c, uint64_t deadline_ms);

/* Ends the stream in both directions; the library sees the end and cleans up, as it offers no way to ask for that. `why` counts if nothing that
 * has come is left unanswered for another reason. */
void connection_hang_up(struct connection *c, enum restmark_close why);

#endif

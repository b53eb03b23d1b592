/* What libmicrohttpd reads: nothing but requests that the gate has let pass, each whole, in the gate's form.
 *
 * The library reads its sockets by recv(), by way of the dynamic linker or, linked statically, of the linker. A program's own definition
 * of a function comes before that of a shared library, so the recv() in intake.c is what it calls. Sockets that are not opened here, and
 * calls with flags, go straight to the kernel.
 *
 * The library gets a request when its body has ended, too; until then the owner hears of it by `begun`. What the owner answers by itself (`alone`)
 * the library never gets: for it nothing has come. Single-threaded. */
#ifndef RESTMARK_GATE_INTAKE_H
#define RESTMARK_GATE_INTAKE_H

#include "gate/bodies.h"
#include "gate/gate.h"
#include "gate/served.h"

/* Text of a request as the client sent it, not NUL-terminated; empty as long as it is not known. */
struct intake_request {
        const char *method, *target;
        size_t method_length, target_length;
};

struct intake_owner {
        struct gate_limits limits;
        struct body_memory *bodies; /* for those that are wanted; NULL if none is */
        /* A request whose line is in, but which is not whole, is the next to be answered. */
        void (*begun)(void *context, const struct intake_request *request);
        /* It is the refused one's turn to be answered, if it is (see `silence`); then the connection ends. Of such a request the
         * library has not seen anything. */
        void (*refused)(void *context, const struct gate_refusal *refusal, bool is_head, const struct intake_request *request);
        /* A request has come alone: whole, before it was told to have begun, with no body, condition or wish that concerns more than this answer, and with none before it that is
         * not finished. Returns whether the owner has answered it, or ended the connection: the library then hears nothing of it. An answer that
         * was only begun is the library's; if it cannot get the request, the connection must end. NULL: it gets all. */
        bool (*alone)(void *context, const struct intake_request *request);
};

struct intake {
        const struct intake_owner *owner;
        void *context;
        int fd;
        struct gate gate;
        /* Kept between two reads: what is ready for the library, behind it the head of a request whose body has not ended, and
         * behind that what the gate wants to see again. */
        char *kept;
        size_t n_kept, ready, pending;
        struct bodies bodies;
        struct served served; /* of the requests that are being served, and of the one whose body is coming in */
        uint64_t n_serving;   /* requests that the library has, or could have had, and not finished */
        bool was_begun;       /* the owner knows of the request that is coming in */
        bool was_continued;   /* the client was told to send the body */
        bool is_last;         /* nothing is taken from the client any more */
        bool is_refused;
        bool is_at_end;       /* the client has ended its side */
        bool has_ended;       /* the library is told so when it reads next */
        bool discards;        /* … but not before the client has ended its side: up to then what comes is thrown away */
        size_t n_discarded;
};

/* The library's memory for a connection (MHD_OPTION_CONNECTION_MEMORY_LIMIT), in bytes: whatever a client sends, its requests in the gate's form and
 * an answer's head of up to `answer_head_bytes` fit into it. The library clears one and a half times as much for each request. */
size_t intake_library_memory(size_t answer_head_bytes);

/* Forgets all sockets: after a fork, in the child. */
void intake_forget_all(void);

/* Takes memory for the process. Returns 0 or -ENOMEM. To be called for each owner before its first socket is opened. */
int intake_prepare(const struct intake_owner *owner);

/* From now on what is read from `fd` goes through the gate; `owner` must live longer. Returns 0 or -EMFILE. */
int intake_open(struct intake *in, int fd, const struct intake_owner *owner, void *context);

/* Instead, for want of memory: nothing is ever read from it. */
void intake_refuse(int fd);

/* Before the descriptor is closed. */
void intake_close(struct intake *in);

/* The request that the library shows. There must be one: n_serving > 0. */
static inline struct served_request intake_request(const struct intake *in) {
        return served_first(&in->served);
}

/* The body of the request that the library shows, if that is one that wants_body() wants; NULL: it has none. It may be written to. */
struct body *intake_body(struct intake *in);

/* It is not wanted any more; at the latest it goes when the request is finished. */
void intake_drop_body(struct intake *in);

/* One of the requests that the library had is finished. If a refused one comes behind it, that has been answered when this returns, and the
 * connection lingers with the library until the client ends it or the owner's patience does. */
void intake_finished(struct intake *in);

/* Nothing more can be answered: our side of the stream is ended, and what still comes is thrown away until the client ends, or the owner's patience does. */
void intake_end(struct intake *in);

/* Whether a part of a request, or more, is kept here. */
bool intake_has_part(const struct intake *in);

#endif

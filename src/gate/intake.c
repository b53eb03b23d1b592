#include "gate/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/pages.h"
#include "gate/linger.h"

enum {
        DESCRIPTORS_MAX = 1 << 20, /* the kernel's own limit, by default */
        READ_BYTES = 16384,
        READS_MAX = 8, /* in one turn, for the others' sake */
        /* Of the library's memory, for each field that the gate writes (it takes 56, aligned) and as many as there are at most. */
        FIELD_MEMORY = 64,
        FIELDS_MAX = 2,
};

#define NO_MEMORY "There is no memory for the request now; try again later."
#define NO_BODY_MEMORY "There is no memory for the request body now; try again later."

static struct intake **by_descriptor; /* NULL: not opened here */
static size_t n_descriptors;
static char *workbench; /* where kept bytes and new ones come together */
static size_t workbench_bytes;

/* The library reads into one half, where the next requests may already stand when an answer's head is written to the other. */
size_t intake_library_memory(size_t answer_head_bytes) {
        size_t half = FIELDS_MAX * FIELD_MEMORY + answer_head_bytes;

        return 2 * (half > GATE_WRITTEN_MAX ? half : GATE_WRITTEN_MAX);
}

void intake_forget_all(void) {
        pages_free(by_descriptor, n_descriptors * sizeof *by_descriptor);
        free(workbench);
        by_descriptor = NULL;
        workbench = NULL;
        n_descriptors = workbench_bytes = 0;
}

/* Pages that nobody writes cost nothing. */
int intake_prepare(const struct intake_owner *owner) {
        size_t wanted = 4 * owner->limits.head_bytes + 4 * READ_BYTES;
        struct rlimit limit;

        if (!by_descriptor) {
                size_t n = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;

                by_descriptor = pages_new(n * sizeof *by_descriptor);
                if (!by_descriptor)
                        return -ENOMEM;
                n_descriptors = n;
        }
        if (workbench_bytes < wanted) {
                char *larger = realloc(workbench, wanted);

                if (!larger)
                        return -ENOMEM;
                workbench = larger;
                workbench_bytes = wanted;
        }
        return 0;
}

int intake_open(struct intake *in, int fd, const struct intake_owner *owner, void *context) {
        if ((size_t)fd >= n_descriptors)
                return -EMFILE;
        *in = (struct intake){ .owner = owner, .context = context, .fd = fd };
        gate_init(&in->gate, &owner->limits);
        by_descriptor[fd] = in;
        return 0;
}

void intake_refuse(int fd) {
        static struct intake nothing = { .has_ended = true };

        if ((size_t)fd < n_descriptors)
                by_descriptor[fd] = &nothing;
        (void)shutdown(fd, SHUT_RDWR);
}

void intake_close(struct intake *in) {
        if (in->owner && (size_t)in->fd < n_descriptors && by_descriptor[in->fd] == in)
                by_descriptor[in->fd] = NULL;
        free(in->kept);
        in->kept = NULL;
        served_deinit(&in->served);
        if (in->owner && in->owner->bodies)
                bodies_drop_all(&in->bodies, in->owner->bodies);
}

bool intake_has_part(const struct intake *in) {
        return in->n_kept > 0 || in->gate.phase != GATE_LINE;
}

/* ---- from the gate to the library ---- */

/* Bytes of a connection in memory: those that are ready, a head that is pending, and from `raw` to `end` what the gate has not used. */
struct stretch {
        char *bytes;
        size_t ready, pending, raw, end;
        bool is_answered; /* the request that was taken last, by its owner: nobody has anything left to do with it */
};

static void commit(struct intake *in) {
        if (in->bodies.coming)
                bodies_end(&in->bodies, in->n_serving);
        in->n_serving++;
        in->is_last |= gate_is_last(&in->gate);
        in->was_begun = in->was_continued = false;
        gate_next(&in->gate);
}

/* Whether a body that is wanted can be kept: from its head on … */
static bool begin_body(struct intake *in) {
        if (!in->gate.is_wanted || bodies_begin(&in->bodies) == 0)
                return true;
        gate_give_up(&in->gate, 503, NO_BODY_MEMORY);
        return false;
}

/* … and as it comes. `bytes` are those that the gate has just taken. */
static bool keep_body(struct intake *in, const char *bytes) {
        const struct gate *g = &in->gate;
        uint64_t max_bytes = g->is_chunked ? gate_body_max(g) : g->length;

        if (!in->bodies.coming || g->data.length == 0 ||
            bodies_append(&in->bodies, in->owner->bodies, bytes + g->data.at, g->data.length, max_bytes) == 0)
                return true;
        gate_give_up(&in->gate, 503, NO_BODY_MEMORY);
        return false;
}

/* The owner may answer what nothing else depends on. What it was told to have begun is the library's. */
static bool answer_alone(struct intake *in, const struct stretch *s, size_t used) {
        const struct gate *g = &in->gate;
        const char *head = s->bytes + s->raw;

        if (!in->owner->alone || in->n_serving > 0 || in->was_begun || s->ready > 0 || s->raw + used < s->end || gate_has_body(g) || gate_is_last(g) ||
            g->is_1_0 || g->expects_continue || g->condition != GATE_UNCONDITIONAL)
                return false;
        return in->owner->alone(in->context, &(struct intake_request){ .method = head + g->method.at, .method_length = g->method.length,
                                                                       .target = head + g->target.at, .target_length = g->target.length });
}

/* The gate's next verdict; a head that is whole is written, a body that is wanted is kept. */
static enum gate_verdict take(struct intake *in, struct stretch *s, size_t *ret_used) {
        enum gate_verdict verdict = gate_take(&in->gate, s->bytes + s->raw, s->end - s->raw, ret_used);
        bool is_kept;

        if (verdict == GATE_HEAD) {
                s->is_answered = answer_alone(in, s, *ret_used);
                if (s->is_answered)
                        return GATE_END;
                if (served_add(&in->served, &in->gate, s->bytes + s->raw) < 0) {
                        gate_give_up(&in->gate, 503, NO_MEMORY);
                        return GATE_REFUSED;
                }
                s->pending = gate_write(&in->gate, s->bytes + s->raw, s->bytes + s->ready);
                return !gate_has_body(&in->gate) || begin_body(in) ? verdict : GATE_REFUSED;
        }
        is_kept = verdict == GATE_REFUSED || keep_body(in, s->bytes + s->raw);
        return is_kept ? verdict : GATE_REFUSED;
}

/* Shows the gate what it has not seen, and leaves no gap before what it wants to see again. */
static void pass_gate(struct intake *in, struct stretch *s) {
        enum gate_verdict verdict = GATE_HEAD;
        size_t used = 1, kept;

        while (s->raw < s->end && !in->is_last && !(verdict == GATE_MORE && used == 0) && verdict != GATE_REFUSED) {
                verdict = take(in, s, &used);
                s->raw += used;
                if (verdict == GATE_END || (verdict == GATE_HEAD && !gate_has_body(&in->gate))) {
                        s->ready += s->pending;
                        s->pending = 0;
                        if (s->is_answered)
                                gate_next(&in->gate);
                        else
                                commit(in);
                }
        }
        if (verdict == GATE_REFUSED) {
                in->is_refused = true;
                if (in->bodies.coming) /* at once: the connection may linger for long */
                        bodies_drop_coming(&in->bodies, in->owner->bodies);
        }
        kept = in->is_last ? 0 : s->end - s->raw;
        if (kept > 0)
                memmove(s->bytes + s->ready + s->pending, s->bytes + s->raw, kept);
        s->raw = s->ready + s->pending;
        s->end = s->raw + kept;
}

static bool takes_nothing(const struct intake *in) {
        return in->is_last || in->is_refused || in->is_at_end || in->has_ended;
}

/* Keeps what the library does not get now. Without memory for it this is a failed read, and the connection ends. */
static int keep(struct intake *in, const struct stretch *s, size_t handed) {
        size_t n = s->end - handed;
        char *kept = n > 0 ? malloc(n) : NULL;

        if (n > 0 && !kept) {
                errno = ENOMEM;
                return -1;
        }
        if (n > 0)
                memcpy(kept, s->bytes + handed, n);
        free(in->kept);
        in->kept = kept;
        in->n_kept = n;
        in->ready = s->ready - handed;
        in->pending = s->pending;
        return 0;
}

/* The request that is coming in; its line, or what the library will see of it, is where the kept bytes that are not ready begin. */
static struct intake_request coming_in(const struct intake *in) {
        const struct gate *g = &in->gate;
        const char *head = in->kept ? in->kept + in->ready : NULL;

        if (head && in->pending > 0) {
                struct served_request request = served_last(&in->served);

                return (struct intake_request){ .method = head, .method_length = g->method.length,
                                                .target = request.target, .target_length = request.target_length };
        }
        if (!head || g->target.length == 0 || g->target.at + g->target.length > in->n_kept - in->ready)
                return (struct intake_request){ .method = "", .target = "" };
        return (struct intake_request){ .method = head + g->method.at, .method_length = g->method.length,
                                        .target = head + g->target.at, .target_length = g->target.length };
}

/* What is due when all requests before the one that is coming in are finished. */
static void look_ahead(struct intake *in) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        struct intake_request request;

        if (in->n_serving > 0 || in->has_ended)
                return;
        request = coming_in(in);
        if (in->is_refused) {
                in->has_ended = true;
                in->owner->refused(in->context, &in->gate.refusal, in->gate.is_head, &request);
                return;
        }
        if (in->gate.phase != GATE_LINE && !in->was_begun) {
                in->was_begun = true;
                in->owner->begun(in->context, &request);
        }
        if (in->is_at_end) { /* a request that has begun counts as one, whether or not its end came at once */
                in->has_ended = true;
                return;
        }
        if (in->pending > 0 && in->gate.expects_continue && !in->gate.is_1_0 && !in->was_continued) {
                in->was_continued = true;
                (void)send(in->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
}

struct body *intake_body(struct intake *in) {
        return bodies_current(&in->bodies);
}

void intake_drop_body(struct intake *in) {
        if (in->bodies.first)
                bodies_drop_current(&in->bodies, in->owner->bodies);
}

void intake_end(struct intake *in) {
        in->has_ended = true;
        /* With its reading side shut down, too, the socket would answer whatever still comes by a reset. */
        in->discards = true;
        (void)shutdown(in->fd, SHUT_WR);
}

void intake_finished(struct intake *in) {
        if (in->n_serving == 0)
                return;
        if (in->bodies.first)
                bodies_finish(&in->bodies, in->owner->bodies);
        served_remove(&in->served);
        if (--in->n_serving > 0)
                return;
        look_ahead(in);
        if (in->has_ended && in->is_at_end)
                (void)shutdown(in->fd, SHUT_RD); /* of which the library hears, and then reads the end */
        else if (in->has_ended)
                intake_end(in);
}

/* ---- from the kernel to the gate ---- */

/* Gives up to `size` bytes that are ready and keeps the rest. */
static ssize_t hand_over(struct intake *in, const struct stretch *s, char *out, size_t size) {
        size_t n = s->ready < size ? s->ready : size;

        if (n > 0)
                memcpy(out, s->bytes, n);
        if (keep(in, s, n) < 0)
                return -1;
        look_ahead(in);
        if (n > 0)
                return (ssize_t)n;
        if (in->has_ended)
                return 0;
        errno = EAGAIN;
        return -1;
}

/* Reads up to where the kernel has no more: the library takes less than it asked for as a sign of that, and waits for the next event. */
static ssize_t receive_more(struct intake *in, char *out, size_t size) {
        struct stretch s = { .bytes = workbench, .ready = in->ready, .pending = in->pending, .raw = in->ready + in->pending, .end = in->n_kept };

        if (in->n_kept > 0)
                memcpy(workbench, in->kept, in->n_kept);
        for (int reads = 0; reads < READS_MAX; reads++) {
                ssize_t n;

                if (s.ready >= size || takes_nothing(in))
                        return hand_over(in, &s, out, size);
                n = recvfrom(in->fd, workbench + s.end, READ_BYTES, 0, NULL, NULL);
                if (n < 0 && errno == EAGAIN)
                        return hand_over(in, &s, out, size);
                if (n < 0 && errno != EINTR)
                        return n;
                if (n == 0)
                        in->is_at_end = true;
                else if (n > 0) {
                        s.end += (size_t)n;
                        pass_gate(in, &s);
                }
        }
        if (keep(in, &s, 0) < 0)
                return -1;
        look_ahead(in);
        errno = EINTR; /* whereupon the library asks again in its next turn */
        return -1;
}

/* What comes behind the last answer means nothing. */
static ssize_t discard(struct intake *in, char *out, size_t size) {
        for (int reads = 0; reads < READS_MAX; reads++) {
                ssize_t n = recvfrom(in->fd, out, size, 0, NULL, NULL);

                if (n <= 0)
                        return n;
                in->n_discarded += (size_t)n;
                if (in->n_discarded > LINGER_BYTES)
                        return 0;
        }
        errno = EINTR;
        return -1;
}

static ssize_t receive(struct intake *in, char *out, size_t size) {
        struct stretch s = { .bytes = workbench };
        ssize_t n;

        if (in->has_ended)
                return in->discards ? discard(in, out, size) : 0;
        if (in->n_kept > 0 || takes_nothing(in))
                return receive_more(in, out, size);
        n = recvfrom(in->fd, workbench, READ_BYTES, 0, NULL, NULL);
        if (n <= 0)
                return n;
        s.end = (size_t)n;
        pass_gate(in, &s);
        if (s.is_answered && n < READ_BYTES) { /* and the kernel had no more */
                errno = EAGAIN;
                return -1;
        }
        /* The common case: whole requests and nothing else, and no more to read. */
        if (s.ready > 0 && s.ready == s.end && s.ready <= size && n < READ_BYTES && !in->is_refused) {
                memcpy(out, workbench, s.ready);
                return (ssize_t)s.ready;
        }
        return keep(in, &s, 0) < 0 ? -1 : receive_more(in, out, size);
}

__attribute__((visibility("default"), used)) ssize_t recv(int fd, void *buffer, size_t size, int flags) {
        struct intake *in = flags == 0 && (size_t)fd < n_descriptors ? by_descriptor[fd] : NULL;

        return in ? receive(in, buffer, size) : recvfrom(fd, buffer, size, flags, NULL, NULL);
}

/* Any bytes as what a client sends. What must hold: no crash; the same verdict, and the same bytes of bodies that are wanted, however the bytes
 * come in pieces; and what is written for the library passes the gate again, as requests without bodies and of the same number, in no more
 * bytes. The first byte says where the pieces part. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "gate/gate.h"
#include "gate/served.h"
#include "gate/target.h"

enum { INPUT_MAX = 1 << 16 };

static bool wants_body(const char *method, size_t method_length, const char *target, size_t target_length) {
        return method_length > 0 && target_length > 0 && method[0] == 'P' && memchr(target, 'w', target_length) != NULL;
}

static const struct gate_limits limits = { .head_bytes = 512, .body_bytes = 300, .wanted_body_bytes = 400, .wants_body = wants_body, .keeps_fields = true };

struct outcome {
        size_t requests, used, written;
        unsigned int status;
        enum gate_silence silence;
        bool is_head, has_bodies;
        char heads[INPUT_MAX];
        size_t body_bytes; /* of the request's body that is coming in, and … */
        size_t kept;       /* … of all that are wanted */
        char bodies[INPUT_MAX];
};

static void check_target(const struct gate *g, const char *head) {
        char target[512 + 1], memory[TARGET_PATH_MAX], decoded[512];
        const char *path, *query;
        size_t path_length, n_arguments = 0;
        struct target_argument argument;

        MUST(g->target.length > 0 && g->target.length < sizeof target);
        memcpy(target, head + g->target.at, g->target.length);
        target[g->target.length] = '\0';
        path = target_path(target, memory, &path_length);
        MUST(!memchr(path, '?', path_length) || strcasestr(target, "%3f")); /* decoded after the query is cut off */
        MUST(target_arguments(target, g->target.length) <= GATE_ARGUMENTS_MAX);
        query = target_query(target);
        for (; target_next_argument(&query, decoded, &argument); n_arguments++)
                MUST(argument.name_length + argument.value_length <= g->target.length && (argument.value || argument.value_length == 0));
        MUST(n_arguments <= GATE_ARGUMENTS_MAX && (!query || !*query));
}

/* What the owner is told of it. */
static void check_served(const struct gate *g, const char *head) {
        struct served served = { .memory = NULL };
        struct served_request request;

        MUST(served_add(&served, g, head) == 0);
        request = served_first(&served);
        MUST(request.target_length == g->target.length && strlen(request.target) == g->target.length && request.condition == g->condition);
        MUST(memcmp(request.target, head + g->target.at, g->target.length) == 0);
        MUST((request.host != NULL) == (g->n_hosts > 0) && (!request.host || memcmp(request.host, head + g->host.at, g->host.length) == 0));
        MUST(memcmp(request.accept, head + g->accept.at, g->accept.length) == 0);
        MUST(served_last(&served).target == request.target);
        served_remove(&served);
        MUST(served.begin == 0 && served.end == 0);
        served_deinit(&served);
}

/* What the gate has just taken of a body, if that is wanted. */
static void keep_body(const struct gate *g, const char *bytes, size_t used, struct outcome *o) {
        if (!g->is_wanted || g->data.length == 0)
                return;
        MUST(g->data.at + g->data.length <= used);
        memcpy(o->bodies + o->kept, bytes + g->data.at, g->data.length);
        o->kept += g->data.length;
        o->body_bytes += g->data.length;
        MUST(o->body_bytes <= gate_body_max(g) && (g->is_chunked || o->body_bytes <= g->length));
}

/* Takes what there is; returns whether anything more can be taken. */
static bool take(struct gate *g, const char *bytes, size_t length, struct outcome *o) {
        for (;;) {
                size_t used;
                enum gate_verdict verdict = gate_take(g, bytes + o->used, length - o->used, &used);

                MUST(used <= length - o->used);
                if (verdict == GATE_REFUSED) {
                        o->status = g->refusal.status;
                        o->silence = g->refusal.silence;
                        o->is_head = g->is_head;
                        MUST((o->status >= 400) != (o->silence != GATE_ANSWERABLE));
                        return false;
                }
                if (verdict == GATE_HEAD) {
                        size_t n = gate_write(g, bytes + o->used, o->heads + o->written);

                        MUST(n <= used && n <= GATE_WRITTEN_MAX);
                        check_target(g, bytes + o->used);
                        check_served(g, bytes + o->used);
                        o->written += n;
                        o->has_bodies |= gate_has_body(g);
                        o->body_bytes = 0;
                } else
                        keep_body(g, bytes + o->used, used, o);
                o->used += used;
                if (verdict == GATE_END || (verdict == GATE_HEAD && !gate_has_body(g))) {
                        MUST(!g->is_wanted || g->is_chunked || o->body_bytes == g->length);
                        o->requests++;
                        gate_next(g);
                } else if (used == 0 || o->used == length)
                        return true;
        }
}

/* Each piece is a copy of its own, so that a sanitizer sees what reads past it. */
static void run(const char *bytes, size_t length, size_t step, struct outcome *o) {
        struct gate g;
        bool goes_on = true;

        o->requests = o->used = o->written = o->body_bytes = o->kept = 0;
        o->status = 0;
        o->silence = GATE_ANSWERABLE;
        o->is_head = o->has_bodies = false;
        gate_init(&g, &limits);
        for (size_t end = 0; end < length && goes_on;) {
                char *copy;

                end = length - end > step ? end + step : length;
                copy = malloc(end);
                MUST(copy != NULL);
                memcpy(copy, bytes, end);
                goes_on = take(&g, copy, end, o);
                free(copy);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        static struct outcome whole, parts, again;
        const char *text = (const char *)bytes + 1;

        if (length < 2 || length > INPUT_MAX)
                return 0;
        length--;
        run(text, length, length, &whole);
        run(text, length, length > 4096 ? length / 3 : 1 + (size_t)bytes[0] % 32, &parts);
        MUST(whole.requests == parts.requests && whole.status == parts.status && whole.silence == parts.silence);
        MUST(whole.is_head == parts.is_head || whole.status == 0 || whole.status == 400);
        MUST(whole.written == parts.written && memcmp(whole.heads, parts.heads, whole.written) == 0);
        if (whole.status == 0) /* what of a refused body is seen depends on the pieces */
                MUST(whole.kept == parts.kept && memcmp(whole.bodies, parts.bodies, whole.kept) == 0);
        if (whole.written == 0)
                return 0;
        run(whole.heads, whole.written, whole.written, &again);
        MUST(again.status == 0 && again.silence == GATE_ANSWERABLE && !again.has_bodies && again.used == whole.written);
        MUST(again.requests >= whole.requests && again.requests <= whole.requests + 1); /* one whose body had not ended */
        MUST(again.written == whole.written && memcmp(again.heads, whole.heads, whole.written) == 0);
        return 0;
}

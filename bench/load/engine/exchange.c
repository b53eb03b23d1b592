#include "engine/exchange.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "engine/worker_limits.h"

static uint64_t *other_calls(struct worker *w) {
        return &w->tally->syscalls[LOAD_OTHER_CALL];
}

/* Edge-triggered. A TCP socket makes an edge of EPOLLOUT only after a send() that found it full; a Unix socket makes one whenever the
 * peer reads, so that there it is asked for in need alone. */
static uint32_t wanted_events(const struct worker *w, const struct connection *c) {
        return EPOLLIN | EPOLLRDHUP | EPOLLET | (!w->plan->address.local || c->wants_room ? EPOLLOUT : 0u);
}

static int watch(struct worker *w, struct connection *c, int operation) {
        struct epoll_event event = { .events = wanted_events(w, c), .data.u64 = (uint64_t)c->generation << 32 | c->index };

        load_count(other_calls(w), 1);
        return epoll_ctl(w->epoll, operation, c->fd, &event) < 0 ? -errno : 0;
}

static void shut(struct worker *w, struct connection *c) {
        c->fd = fd_close(c->fd);
        load_count(other_calls(w), 1);
        c->generation++;
        c->state = CONNECTION_CLOSED;
        connection_unqueue(c);
}

static void rest(struct worker *w, struct connection *c) {
        c->due_ns = w->now_ns + WORKER_REST_NS;
        connection_enqueue(&w->resting, c);
}

/* A connection that had answers is opened again at once; one that had none, later: a server that shuts its doors is not to be stormed. */
static void reopen(struct worker *w, struct connection *c) {
        uint64_t answered = c->answered;

        shut(w, c);
        if (w->phase != WORKER_SENDING)
                return;
        if (answered > 0)
                exchange_open(w, c);
        else
                rest(w, c);
}

static void opening_failed(struct worker *w, struct connection *c, int code) {
        load_count(&w->tally->troubles[LOAD_CONNECT], 1);
        if (w->phase == WORKER_CONNECTING) {
                if (w->result == 0)
                        w->result = error_set_errno(&w->error, -code, "cannot connect to %s (connection %u of %u)", w->plan->address.text,
                                                    c->index + 1, w->n_connections);
        } else if (w->phase == WORKER_SENDING) {
                rest(w, c);
        }
}

static void begin_answer(struct worker *w, struct connection *c) {
        if (w->plan->mix.is_call)
                answer_begin(&c->answer);
        else
                response_begin(&c->parser, w->plan->mix.to_head, &w->memo);
}

static void opened(struct worker *w, struct connection *c) {
        c->state = CONNECTION_OPEN;
        c->asked = c->answered = 0;
        c->first = c->in_flight = 0;
        c->out_length = c->out_sent = 0;
        c->body_offset = 0;
        c->body_wrong = false;
        c->comparing = true;
        begin_answer(w, c);
        load_count(&w->tally->opened, 1);
        if (w->phase == WORKER_CONNECTING) {
                w->n_open++;
                connection_enqueue(&w->idle, c);
        } else {
                /* A client waits for its connection as it does for its answer. */
                w->on_free(w, c, w->plan->rate > 0 ? w->now_ns : c->since_ns);
        }
}

void exchange_open(struct worker *w, struct connection *c) {
        int r, watched;

        c->since_ns = w->now_ns;
        c->wants_room = false;
        r = connection_open(c, &w->plan->address, w->plan->timeout_ns, other_calls(w));
        if (r < 0) {
                opening_failed(w, c, r);
                return;
        }
        c->state = CONNECTION_OPENING;
        watched = watch(w, c, EPOLL_CTL_ADD);
        if (watched < 0) {
                shut(w, c);
                opening_failed(w, c, watched);
        } else if (r == 0) {
                opened(w, c);
        }
}

/* Where the next request's times are kept. For a call it is its id, too, and one of those that have been answered. */
static uint32_t next_place(const struct worker *w, struct connection *c) {
        uint32_t at = c->first + c->in_flight;

        if (!w->plan->mix.is_call)
                return at >= w->plan->depth ? at - w->plan->depth : at;
        while (c->flights[c->first].sent_ns != 0)
                c->first = c->first + 1 == w->plan->depth ? 0 : c->first + 1;
        return c->first;
}

void exchange_ask(struct worker *w, struct connection *c, uint64_t k, uint64_t since_ns) {
        uint32_t at = next_place(w, c);
        size_t target = request_choose(&w->plan->mix, k);

        c->flights[at] = (struct flight){ .since_ns = since_ns, .sent_ns = w->now_ns, .target = (uint32_t)target };
        if (w->plan->mix.is_call) {
                char *call = c->out + c->out_length;

                c->out_length += request_render(&w->plan->mix, target, k, call);
                call_set_id(call, at);
        } else
                c->out_length += request_render(&w->plan->mix, target, k, c->out + c->out_length);
        c->in_flight++;
        c->asked++;
        w->in_flight++;
        load_count(&w->tally->sent, 1);
}

void exchange_flush(struct worker *w, struct connection *c) {
        int r = connection_flush(c, &w->tally->syscalls[LOAD_SEND]);
        bool full = r == 1;

        if (r < 0) {
                exchange_fail(w, c, LOAD_CLOSED);
        } else if (full != c->wants_room) {
                c->wants_room = full;
                if (w->plan->address.local && watch(w, c, EPOLL_CTL_MOD) < 0)
                        exchange_fail(w, c, LOAD_CLOSED);
        }
}

static void count_failure(struct worker *w, const struct flight *f, enum load_failure why) {
        load_count(&w->tally->failures[why], 1);
        load_count(&w->tally->failed, 1);
        load_count(&w->tally->targets[f->target].failed, 1);
}

/* The request whose answer comes in. */
static struct flight *current(const struct worker *w, struct connection *c) {
        return &c->flights[w->plan->mix.is_call ? c->answer.id : c->first];
}

static void end_flight(struct worker *w, struct connection *c) {
        if (w->plan->mix.is_call)
                current(w, c)->sent_ns = 0;
        else
                c->first = c->first + 1 == w->plan->depth ? 0 : c->first + 1;
        c->in_flight--;
        w->in_flight--;
}

/* The one that has been under way longest, of those whose answers may come in any order. */
static void find_oldest(const struct worker *w, struct connection *c) {
        uint64_t oldest_ns = UINT64_MAX;

        for (uint32_t i = 0; w->plan->mix.is_call && i < w->plan->depth; i++)
                if (c->flights[i].sent_ns != 0 && c->flights[i].sent_ns < oldest_ns) {
                        oldest_ns = c->flights[i].sent_ns;
                        c->answer.id = i;
                }
}

void exchange_fail(struct worker *w, struct connection *c, enum load_failure why) {
        while (c->in_flight > 0) {
                struct flight *f;

                find_oldest(w, c);
                f = current(w, c);
                end_flight(w, c);
                /* A request that was given up took at least as long as was waited: left out, it would make the server look faster. */
                if (why == LOAD_TIMEOUT)
                        load_give_up(w->tally, f->target, w->now_ns - f->since_ns);
                count_failure(w, f, why);
                why = LOAD_CLOSED;
        }
        reopen(w, c);
}

static void count_answer(struct worker *w, struct flight *f, const struct connection *c) {
        struct load_tally *t = w->tally;

        load_count(&t->answered, 1);
        load_count(&t->targets[f->target].answered, 1);
        hdr_record(&t->targets[f->target].latency, w->now_ns - f->since_ns, 1);
        if (c->comparing && w->plan->expected[f->target].known)
                load_count(&t->compared, 1);
        if (w->now_ns <= atomic_load_explicit(&w->shared->stop_ns, memory_order_relaxed))
                load_count(&t->in_window, 1);
}

/* The answer is complete. Returns whether the connection goes on. */
static bool finish_answer(struct worker *w, struct connection *c) {
        struct flight *f = current(w, c);
        const struct expectation *x = &w->plan->expected[f->target];
        bool closes = c->parser.head.closes;

        end_flight(w, c);
        __atomic_store_n(&w->tally->last_answer_ns, w->now_ns, __ATOMIC_RELAXED);
        load_count(&w->tally->body_bytes, c->body_offset);
        if (!plan_accepts(w->plan, c->parser.head.status)) {
                load_count(&w->tally->statuses[c->parser.head.status], 1);
                count_failure(w, f, LOAD_STATUS);
        } else if (x->known && (c->body_wrong || c->body_offset != x->length)) {
                count_failure(w, f, LOAD_BODY);
        } else {
                count_answer(w, f, c);
        }
        c->answered++;
        c->body_offset = 0;
        c->body_wrong = false;
        if (closes) {
                load_count(&w->tally->closed_by_server, 1);
                exchange_fail(w, c, LOAD_CLOSED);
                return false;
        }
        begin_answer(w, c);
        if (c->answered == w->plan->reconnect) {
                reopen(w, c);
                return false;
        }
        c->comparing = true; /* until its first bytes say how many it has */
        return true;
}

static void take_body(struct worker *w, struct connection *c, const char *piece, size_t n) {
        const struct expectation *x = &w->plan->expected[current(w, c)->target];

        if (c->body_offset == 0)
                c->comparing = expect_compares(x, c->answered);
        if (c->comparing && !expect_piece(x, c->body_offset, piece, n))
                c->body_wrong = true;
        c->body_offset += n;
}

/* An answer to what was not asked, or has been answered, is none. */
static bool is_unasked(const struct worker *w, const struct connection *c, enum response_event event) {
        return w->plan->mix.is_call && (event == RESPONSE_BODY || event == RESPONSE_DONE) &&
               (c->answer.id >= w->plan->depth || c->flights[c->answer.id].sent_ns == 0);
}

static enum response_event feed(const struct worker *w, struct connection *c, const char *bytes, size_t n, size_t *ret_used, size_t *ret_body) {
        enum response_event event;

        if (!w->plan->mix.is_call)
                return response_feed(&c->parser, bytes, n, ret_used, ret_body);
        event = answer_feed(&c->answer, bytes, n, ret_used, ret_body);
        c->parser.head.status = c->answer.status;
        c->parser.head.closes = false;
        c->parser.fault = RESPONSE_BAD_HEADER; /* if it is broken */
        return event;
}

/* Returns whether the connection goes on; false: it is closed, and perhaps open again. */
static bool take_bytes(struct worker *w, struct connection *c, const char *bytes, size_t n) {
        enum response_event event;

        do {
                size_t used, body;

                if (c->in_flight == 0) {
                        load_count(&w->tally->troubles[LOAD_UNASKED], 1);
                        exchange_fail(w, c, LOAD_CLOSED);
                        return false;
                }
                event = feed(w, c, bytes, n, &used, &body);
                if (is_unasked(w, c, event)) {
                        load_count(&w->tally->troubles[LOAD_UNASKED], 1);
                        exchange_fail(w, c, LOAD_CLOSED);
                        return false;
                }
                if (event == RESPONSE_BODY)
                        take_body(w, c, bytes + used - body, body);
                bytes += used;
                n -= used;
                if (event == RESPONSE_BROKEN) {
                        exchange_fail(w, c, (enum load_failure)(LOAD_MALFORMED + (int)c->parser.fault - 1));
                        return false;
                }
                if (event == RESPONSE_DONE && !finish_answer(w, c))
                        return false;
        } while (n > 0 || event == RESPONSE_BODY);
        return true;
}

/* The server has closed its side. */
static void end_of_stream(struct worker *w, struct connection *c) {
        if (c->in_flight > 0 && !w->plan->mix.is_call && response_ends_here(&c->parser)) {
                (void)finish_answer(w, c); /* which closes: a body without a length ends so */
                return;
        }
        if (c->in_flight == 0)
                load_count(&w->tally->closed_by_server, 1);
        exchange_fail(w, c, LOAD_CLOSED);
}

static void read_all(struct worker *w, struct connection *c, bool ends) {
        for (;;) {
                ssize_t n = recv(c->fd, w->in, WORKER_IN_BYTES, 0);
                uint64_t answered = c->answered;

                load_count(&w->tally->syscalls[LOAD_RECV], 1);
                if (n < 0 && errno == EAGAIN)
                        return;
                w->now_ns = clock_monotonic_ns();
                if (n < 0) {
                        exchange_fail(w, c, LOAD_CLOSED);
                        return;
                }
                if (n == 0) {
                        end_of_stream(w, c);
                        return;
                }
                load_count(&w->tally->received_bytes, (uint64_t)n);
                if (!take_bytes(w, c, w->in, (size_t)n))
                        return;
                if (c->answered != answered) {
                        uint32_t generation = c->generation;

                        w->on_free(w, c, w->now_ns);
                        if (c->generation != generation)
                                return;
                }
                /* A short read emptied the socket, and what comes later makes a new edge; an end that is already known does not. */
                if ((size_t)n < WORKER_IN_BYTES && !ends)
                        return;
        }
}

void exchange_handle(struct worker *w, struct connection *c, uint32_t events) {
        uint32_t generation = c->generation;

        if (c->state == CONNECTION_OPENING) {
                int r = connection_opened(c);

                load_count(other_calls(w), 1);
                w->now_ns = clock_monotonic_ns();
                if (r < 0) {
                        shut(w, c);
                        opening_failed(w, c, r);
                        return;
                }
                if (!(events & (EPOLLOUT | EPOLLIN)))
                        return;
                opened(w, c);
        } else if (c->wants_room && (events & EPOLLOUT)) {
                exchange_flush(w, c);
        }
        if (c->generation == generation && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
                read_all(w, c, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
}

/* That one of calls is on its way in does not matter: if another one's time is over, all are given up. */
static bool oldest_is_late(const struct worker *w, const struct connection *c) {
        if (!w->plan->mix.is_call)
                return w->now_ns - c->flights[c->first].sent_ns > w->plan->timeout_ns;
        for (uint32_t i = 0; i < w->plan->depth; i++)
                if (c->flights[i].sent_ns != 0 && w->now_ns - c->flights[i].sent_ns > w->plan->timeout_ns)
                        return true;
        return false;
}

void exchange_sweep(struct worker *w) {
        for (uint32_t i = 0; i < w->n_connections; i++) {
                struct connection *c = &w->connections[i];

                if (c->state == CONNECTION_OPENING && w->now_ns - c->since_ns > w->plan->timeout_ns) {
                        shut(w, c);
                        opening_failed(w, c, -ETIMEDOUT);
                } else if (c->in_flight > 0 && oldest_is_late(w, c)) {
                        exchange_fail(w, c, LOAD_TIMEOUT);
                }
        }
}

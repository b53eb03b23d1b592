#include "engine/pacing.h"

#include "base/clock.h"
#include "engine/exchange.h"

static bool is_open_loop(const struct worker *w) {
        return w->plan->rate > 0;
}

/* The schedule has a request left. */
static bool has_arrival(const struct worker *w) {
        return w->plan->requests == 0 || w->schedule.position < w->plan->requests;
}

static uint64_t arrival_ns(const struct worker *w) {
        return w->shared->start_ns + schedule_due_ns(&w->schedule);
}

static bool arrival_is_due(const struct worker *w) {
        uint64_t due_ns = arrival_ns(w);

        return w->phase == WORKER_SENDING && has_arrival(w) && due_ns <= w->now_ns &&
               due_ns < atomic_load_explicit(&w->shared->stop_ns, memory_order_relaxed);
}

/* Sends what the schedule has next on this connection, which has been free since `c->since_ns`. */
static void send_arrival(struct worker *w, struct connection *c) {
        uint64_t due_ns = arrival_ns(w), possible_ns = due_ns;

        w->now_ns = clock_monotonic_ns();
        if (c->since_ns > due_ns) {
                uint64_t waited_ns = c->since_ns - due_ns;

                possible_ns = c->since_ns;
                load_count(&w->tally->waited, 1);
                if (waited_ns > w->tally->waited_max_ns)
                        __atomic_store_n(&w->tally->waited_max_ns, waited_ns, __ATOMIC_RELAXED);
        }
        hdr_record(&w->tally->late, w->now_ns - possible_ns, 1);
        exchange_ask(w, c, w->schedule.position, due_ns);
        schedule_advance(&w->schedule);
        exchange_flush(w, c);
}

/* Takes one of the requests that all threads share. When there is none left, this thread's sending ends. */
static bool take_request(struct worker *w) {
        const struct load_plan *p = w->plan;

        if (p->requests > 0 && p->part + p->parts * atomic_fetch_add_explicit(&w->shared->taken, 1, memory_order_relaxed) >= p->requests) {
                w->phase = WORKER_DRAINING;
                return false;
        }
        return true;
}

/* A closed loop's threads, of all processes that make this load, number their requests apart from each other. */
static uint64_t number_of(const struct worker *w, uint64_t n) {
        return w->plan->part + (uint64_t)w->plan->parts * (w->index + w->plan->threads * n);
}

/* As many requests as may be under way on this connection. */
static void fill(struct worker *w, struct connection *c, uint64_t since_ns) {
        bool more = false;

        while (w->phase == WORKER_SENDING && c->in_flight < w->plan->depth && (w->plan->reconnect == 0 || c->asked < w->plan->reconnect) &&
               take_request(w)) {
                exchange_ask(w, c, number_of(w, w->n_taken++), since_ns);
                more = true;
        }
        if (more && !c->wants_room)
                exchange_flush(w, c);
}

void pacing_connection_is_free(struct worker *w, struct connection *c, uint64_t now_ns) {
        if (w->phase == WORKER_SENDING && now_ns >= atomic_load_explicit(&w->shared->stop_ns, memory_order_relaxed))
                pacing_stop(w, atomic_load_explicit(&w->shared->stop_ns, memory_order_relaxed));
        if (w->phase != WORKER_SENDING)
                return;
        if (is_open_loop(w)) {
                c->since_ns = now_ns;
                if (arrival_is_due(w))
                        send_arrival(w, c);
                else
                        connection_enqueue(&w->idle, c);
        } else if (w->plan->think_ns > 0 && c->answered > 0) {
                c->due_ns = now_ns + w->plan->think_ns;
                connection_enqueue(&w->thinking, c);
        } else {
                fill(w, c, now_ns);
        }
}

void pacing_start(struct worker *w) {
        const struct load_plan *p = w->plan;
        struct connection_queue ready = { .first = NULL };
        struct connection *c;

        w->phase = WORKER_SENDING;
        if (is_open_loop(w))
                w->schedule = schedule_begin(p->rate, p->poisson, p->seed, number_of(w, 0), (uint64_t)p->parts * p->threads);
        while ((c = connection_dequeue(&w->idle)) != NULL)
                connection_enqueue(&ready, c);
        while ((c = connection_dequeue(&ready)) != NULL) {
                w->now_ns = clock_monotonic_ns();
                pacing_connection_is_free(w, c, is_open_loop(w) ? w->shared->start_ns : w->now_ns);
        }
        for (uint32_t i = 0; i < w->n_connections; i++)
                if (w->connections[i].state == CONNECTION_CLOSED && !w->connections[i].queue) /* the server's doing, before the start */
                        exchange_open(w, &w->connections[i]);
}

void pacing_turn(struct worker *w) {
        struct connection *c;

        while (w->thinking.first && w->thinking.first->due_ns <= w->now_ns) {
                c = connection_dequeue(&w->thinking);
                fill(w, c, w->now_ns);
        }
        while (w->phase == WORKER_SENDING && w->resting.first && w->resting.first->due_ns <= w->now_ns)
                exchange_open(w, connection_dequeue(&w->resting));
        while (w->idle.first && arrival_is_due(w))
                send_arrival(w, connection_dequeue(&w->idle));
        if (w->phase == WORKER_SENDING && is_open_loop(w) && !has_arrival(w))
                w->phase = WORKER_DRAINING;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
        return a < b ? a : b;
}

uint64_t pacing_due_ns(const struct worker *w) {
        uint64_t due_ns = UINT64_MAX;

        if (w->phase != WORKER_SENDING)
                return due_ns;
        if (w->thinking.first)
                due_ns = earlier(due_ns, w->thinking.first->due_ns);
        if (w->resting.first)
                due_ns = earlier(due_ns, w->resting.first->due_ns);
        if (is_open_loop(w) && w->idle.first && has_arrival(w))
                due_ns = earlier(due_ns, arrival_ns(w));
        return due_ns;
}

void pacing_stop(struct worker *w, uint64_t stop_ns) {
        w->phase = WORKER_DRAINING;
        w->stopped_ns = stop_ns;
}

void pacing_count_unsent(struct worker *w) {
        for (; is_open_loop(w) && has_arrival(w) && arrival_ns(w) < w->stopped_ns; schedule_advance(&w->schedule)) {
                size_t target = request_choose(&w->plan->mix, w->schedule.position);

                load_count(&w->tally->unsent, 1);
                load_give_up(w->tally, target, w->stopped_ns - arrival_ns(w));
        }
}

#include "engine/worker.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "engine/exchange.h"
#include "engine/pacing.h"
#include "engine/worker_limits.h"

static int allocate(struct worker *w) {
        size_t out_bytes = w->plan->depth * w->plan->mix.bytes_max;

        w->connections = calloc(w->n_connections, sizeof *w->connections);
        w->flights = calloc((size_t)w->n_connections * w->plan->depth, sizeof *w->flights);
        w->out = malloc(w->n_connections * out_bytes);
        w->in = malloc(WORKER_IN_BYTES);
        w->tally = load_tally_new(w->plan->mix.n);
        if (!w->connections || !w->flights || !w->out || !w->in || !w->tally)
                return -ENOMEM;
        for (uint32_t i = 0; i < w->n_connections; i++) {
                struct connection *c = &w->connections[i];

                c->fd = -1;
                c->index = i;
                c->flights = w->flights + (size_t)i * w->plan->depth;
                c->out = w->out + i * out_bytes;
        }
        return 0;
}

int worker_init(struct worker *w, const struct load_plan *plan, struct load_shared *shared, uint32_t index, struct error *e) {
        *w = (struct worker){
                .plan = plan,
                .on_free = pacing_connection_is_free,
                .shared = shared,
                .index = index,
                .n_connections = worker_share(plan->connections, plan->threads, index),
                .epoll = epoll_create1(EPOLL_CLOEXEC),
        };
        if (w->epoll < 0)
                return error_set_errno(e, errno, "cannot make an epoll set");
        if (allocate(w) < 0)
                return error_set(e, -ENOMEM, "no memory for %u connections", w->n_connections);
        return 0;
}

void worker_deinit(struct worker *w) {
        for (uint32_t i = 0; w->connections && i < w->n_connections; i++)
                (void)fd_close(w->connections[i].fd);
        if (w->plan) /* initialised */
                (void)fd_close(w->epoll);
        free(w->connections);
        free(w->flights);
        free(w->out);
        free(w->in);
        w->tally = load_tally_free(w->tally);
}

/* Waits until `due_ns`, to the nanosecond that the kernel can: epoll_wait() counts in milliseconds. */
static int wait_until(struct worker *w, struct epoll_event *events, uint64_t due_ns) {
        uint64_t left_ns = due_ns > w->now_ns ? due_ns - w->now_ns : 0;
        struct timespec left = { .tv_sec = (time_t)(left_ns / 1000000000u), .tv_nsec = (long)(left_ns % 1000000000u) };

        load_count(&w->tally->syscalls[LOAD_WAIT], 1);
        /* In a closed loop nothing is due that precisely, and the older call costs less. */
        if (w->plan->rate <= 0 && w->plan->think_ns == 0)
                return epoll_wait(w->epoll, events, WORKER_EVENTS, (int)((left_ns + 999999) / 1000000));
        return (int)syscall(SYS_epoll_pwait2, w->epoll, events, WORKER_EVENTS, &left, NULL, 0);
}

/* One turn of the loop: waits for events up to `due_ns`, and handles them. Returns whether there were any. */
static bool turn(struct worker *w, uint64_t due_ns) {
        struct epoll_event events[WORKER_EVENTS];
        int n = wait_until(w, events, due_ns);

        if (n < 0 && errno != EINTR && w->result == 0)
                w->result = error_set_errno(&w->error, errno, "cannot wait for %s%s", w->plan->address.text,
                                            errno == ENOSYS ? ": epoll_pwait2() takes Linux 5.11" : "");
        for (int i = 0; i < n; i++) {
                struct connection *c = &w->connections[(uint32_t)events[i].data.u64];

                if (c->generation == events[i].data.u64 >> 32)
                        exchange_handle(w, c, events[i].events);
        }
        w->now_ns = clock_monotonic_ns();
        if (w->now_ns >= w->next_sweep_ns) {
                uint64_t interval_ns = w->plan->timeout_ns / WORKER_SWEEPS;

                exchange_sweep(w);
                w->next_sweep_ns = w->now_ns + (interval_ns < WORKER_SWEEP_NS ? interval_ns : WORKER_SWEEP_NS);
        }
        return n > 0;
}

static int pin(struct worker *w) {
        const struct cpu_list *cpus = &w->plan->cpus;
        cpu_set_t set;

        /* Timers that are not rounded up by the 50 us that threads have by default. */
        if (prctl(PR_SET_TIMERSLACK, 1) < 0)
                return error_set_errno(&w->error, errno, "cannot set the precision of timers");
        if (cpus->n == 0)
                return 0;
        CPU_ZERO(&set);
        CPU_SET(cpus->at[w->index % cpus->n], &set);
        if (sched_setaffinity(0, sizeof set, &set) < 0)
                return error_set_errno(&w->error, errno, "cannot run on CPU %u", cpus->at[w->index % cpus->n]);
        return 0;
}

static void tell(struct worker *w, _Atomic uint32_t *counter) {
        (void)atomic_fetch_add(counter, 1);
        (void)eventfd_write(w->shared->news, 1); /* fails only at 2^64 */
}

static void connect_all(struct worker *w) {
        w->now_ns = clock_monotonic_ns();
        w->result = pin(w);
        for (uint32_t i = 0; i < w->n_connections && w->result == 0; i++)
                exchange_open(w, &w->connections[i]);
        while (w->result == 0 && w->n_open < w->n_connections && !atomic_load(&w->shared->abandoned))
                (void)turn(w, w->now_ns + WORKER_SWEEP_NS);
        if (w->result < 0)
                atomic_store(&w->shared->abandoned, true);
        tell(w, &w->shared->n_ready);
        (void)pthread_mutex_lock(&w->shared->lock);
        while (!w->shared->go)
                (void)pthread_cond_wait(&w->shared->start, &w->shared->lock);
        (void)pthread_mutex_unlock(&w->shared->lock);
}

/* Takes note of connections that the server has closed since they were opened, so that no request is lost on one. */
static void notice_closed(struct worker *w) {
        while (turn(w, 0) && w->result == 0)
                continue;
}

static void sleep_until(uint64_t ns) {
        struct timespec when = { .tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u) };

        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
                continue;
}

static void send_and_drain(struct worker *w) {
        pacing_start(w);
        while (w->result == 0 && (w->phase == WORKER_SENDING || w->in_flight > 0)) {
                uint64_t stop_ns = atomic_load_explicit(&w->shared->stop_ns, memory_order_relaxed), due_ns = pacing_due_ns(w);

                if (w->phase == WORKER_SENDING && stop_ns < due_ns)
                        due_ns = stop_ns;
                (void)turn(w, due_ns < w->next_sweep_ns ? due_ns : w->next_sweep_ns);
                stop_ns = atomic_load_explicit(&w->shared->stop_ns, memory_order_relaxed);
                if (w->phase == WORKER_SENDING && w->now_ns >= stop_ns)
                        pacing_stop(w, stop_ns);
                pacing_turn(w);
        }
}

void *worker_main(void *worker) {
        struct worker *w = worker;
        struct usage before, after;

        connect_all(w);
        if (!atomic_load(&w->shared->abandoned)) {
                notice_closed(w);
                memset(w->tally->syscalls, 0, sizeof w->tally->syscalls); /* of the run alone */
                sleep_until(w->shared->start_ns);
                before = usage_of_thread();
                send_and_drain(w);
                after = usage_of_thread();
                w->usage = usage_since(&after, &before);
                pacing_count_unsent(w);
        }
        tell(w, &w->shared->n_finished);
        return NULL;
}

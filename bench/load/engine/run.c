#include "engine/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "engine/worker.h"

enum {
        HEAD_START_NS = 2000000, /* between the word to start and the first request: time to wake up in */
        DESCRIPTORS_SPARE = 32,
};

struct crew {
        const struct load_plan *plan;
        struct worker *workers;
        uint32_t n_started;
        int signals;
        bool interrupted;
        struct load_shared shared;
};

static void signal_set(sigset_t *set) {
        (void)sigemptyset(set);
        (void)sigaddset(set, SIGINT);
        (void)sigaddset(set, SIGTERM);
}

int load_block_signals(struct error *e) {
        sigset_t set;

        signal_set(&set);
        return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? error_set_errno(e, errno, "cannot block signals") : 0;
}

static int crew_init(struct crew *crew, const struct load_plan *plan, struct error *e) {
        sigset_t set;
        int r = fd_budget(plan->connections + plan->threads + DESCRIPTORS_SPARE, e);

        *crew = (struct crew){ .plan = plan, .signals = -1, .shared.news = -1 };
        (void)pthread_mutex_init(&crew->shared.lock, NULL); /* neither can fail with default attributes */
        (void)pthread_cond_init(&crew->shared.start, NULL);
        atomic_store(&crew->shared.stop_ns, UINT64_MAX);
        if (r == -EMFILE)
                return error_set(e, r, "%u connections are more than the hard limit of open files allows (ulimit -Hn): fewer --connections, or a higher limit",
                                 plan->connections);
        if (r < 0)
                return r;
        signal_set(&set);
        crew->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        crew->shared.news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (crew->signals < 0 || crew->shared.news < 0)
                return error_set_errno(e, errno, "cannot make descriptors for signals and events");
        crew->workers = calloc(plan->threads, sizeof *crew->workers);
        if (!crew->workers)
                return error_set(e, -ENOMEM, "no memory for %u threads", plan->threads);
        for (uint32_t i = 0; r == 0 && i < plan->threads; i++)
                r = worker_init(&crew->workers[i], plan, &crew->shared, i, e);
        return r;
}

static void crew_deinit(struct crew *crew) {
        for (uint32_t i = 0; crew->workers && i < crew->plan->threads; i++)
                worker_deinit(&crew->workers[i]);
        free(crew->workers);
        (void)fd_close(crew->signals);
        (void)fd_close(crew->shared.news);
}

static int start_threads(struct crew *crew, struct error *e) {
        for (; crew->n_started < crew->plan->threads; crew->n_started++) {
                struct worker *w = &crew->workers[crew->n_started];
                int code = pthread_create(&w->thread, NULL, worker_main, w);

                if (code != 0)
                        return error_set_errno(e, code, "cannot start thread %u of %u", crew->n_started + 1, crew->plan->threads);
        }
        return 0;
}

static void watch(struct crew *crew, const struct load_watcher *watcher) {
        struct load_tally *sum = load_tally_new(crew->plan->mix.n);
        struct hdr *latency = calloc(1, sizeof *latency);

        if (sum && latency) {
                for (uint32_t i = 0; i < crew->plan->threads; i++)
                        load_tally_add(sum, crew->workers[i].tally);
                load_tally_latency(sum, latency);
                watcher->look(watcher->context, clock_monotonic_ns() - crew->shared.start_ns, sum, latency);
        }
        free(latency);
        (void)load_tally_free(sum);
}

/* The first signal ends the sending, a second one the process. */
static void take_signal(struct crew *crew) {
        struct signalfd_siginfo info;
        uint64_t now_ns = clock_monotonic_ns();
        sigset_t set;

        if (read(crew->signals, &info, sizeof info) != sizeof info)
                return;
        if (now_ns < atomic_load(&crew->shared.stop_ns))
                atomic_store(&crew->shared.stop_ns, now_ns);
        atomic_store(&crew->shared.abandoned, true); /* has an effect before the start alone */
        crew->interrupted = true;
        signal_set(&set);
        (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Until all threads have counted themselves. */
static void await(struct crew *crew, _Atomic uint32_t *counter, const struct load_watcher *watcher) {
        struct pollfd news[] = { { .fd = crew->shared.news, .events = POLLIN }, { .fd = crew->signals, .events = POLLIN } };
        uint64_t next_ns = watcher ? clock_monotonic_ns() + watcher->interval_ns : UINT64_MAX;

        while (atomic_load(counter) < crew->plan->threads) {
                uint64_t now_ns = clock_monotonic_ns();
                eventfd_t ignored;

                (void)poll(news, 2, watcher ? (int)(next_ns > now_ns ? (next_ns - now_ns) / 1000000 + 1 : 0) : -1);
                if (news[0].revents)
                        (void)eventfd_read(crew->shared.news, &ignored);
                if (news[1].revents)
                        take_signal(crew);
                if (watcher && clock_monotonic_ns() >= next_ns) {
                        watch(crew, watcher);
                        next_ns += watcher->interval_ns;
                }
        }
}

/* Returns 0 when the load may begin, or nothing of it may: see `abandoned`. */
static int wait_at(struct crew *crew, const struct load_gate *gate, uint64_t *ret_start_ns, struct error *e) {
        struct pollfd news[] = { { .fd = gate->fd, .events = POLLIN }, { .fd = crew->signals, .events = POLLIN } };
        int r = gate->ready(gate->context, e);

        while (r == 0 && !atomic_load(&crew->shared.abandoned)) {
                if (poll(news, 2, -1) < 0)
                        continue; /* EINTR alone: the descriptors are there */
                if (news[1].revents)
                        take_signal(crew);
                else if (news[0].revents)
                        r = gate->take(gate->context, ret_start_ns, e);
        }
        return r < 0 ? r : 0;
}

/* When the first request is due, by both clocks. `wanted_ns`: of CLOCK_REALTIME, 0 for as soon as may be. */
static void set_start(struct crew *crew, uint64_t wanted_ns, struct load_result *ret) {
        uint64_t realtime_ns = clock_realtime_ns(), wait_ns = HEAD_START_NS;

        if (wanted_ns > realtime_ns + wait_ns)
                wait_ns = wanted_ns - realtime_ns;
        crew->shared.start_ns = clock_monotonic_ns() + wait_ns;
        ret->start_realtime_ns = realtime_ns + wait_ns;
        if (crew->plan->duration_ns > 0)
                atomic_store(&crew->shared.stop_ns, crew->shared.start_ns + crew->plan->duration_ns);
}

static void let_go(struct crew *crew) {
        (void)pthread_mutex_lock(&crew->shared.lock);
        crew->shared.go = true;
        (void)pthread_cond_broadcast(&crew->shared.start);
        (void)pthread_mutex_unlock(&crew->shared.lock);
}

static void join(struct crew *crew) {
        for (uint32_t i = 0; i < crew->n_started; i++)
                (void)pthread_join(crew->workers[i].thread, NULL);
}

static int first_error(const struct crew *crew, struct error *e) {
        for (uint32_t i = 0; i < crew->plan->threads; i++)
                if (crew->workers[i].result < 0) {
                        *e = crew->workers[i].error;
                        return crew->workers[i].result;
                }
        return crew->interrupted && crew->shared.start_ns == 0 ? error_set(e, -EINTR, "interrupted before the start") : 0;
}

static int sum_up(struct crew *crew, struct load_result *ret, struct error *e) {
        uint64_t stop_ns = atomic_load(&crew->shared.stop_ns), last_ns;

        ret->tally = load_tally_new(crew->plan->mix.n);
        if (!ret->tally)
                return error_set(e, -ENOMEM, "no memory for the sum");
        for (uint32_t i = 0; i < crew->plan->threads; i++) {
                load_tally_add(ret->tally, crew->workers[i].tally);
                if (i == 0)
                        ret->usage = crew->workers[i].usage;
                else
                        usage_add(&ret->usage, &crew->workers[i].usage);
        }
        load_tally_latency(ret->tally, &ret->latency);
        last_ns = ret->tally->last_answer_ns;
        if (stop_ns == UINT64_MAX || (crew->plan->requests > 0 && last_ns < stop_ns))
                stop_ns = last_ns;
        ret->sending_ns = stop_ns > crew->shared.start_ns ? stop_ns - crew->shared.start_ns : 0;
        ret->total_ns = last_ns > crew->shared.start_ns ? last_ns - crew->shared.start_ns : 0;
        if (ret->total_ns < ret->sending_ns)
                ret->total_ns = ret->sending_ns;
        ret->interrupted = crew->interrupted;
        ret->start_monotonic_ns = crew->shared.start_ns;
        return 0;
}

int load_run(const struct load_plan *plan, const struct load_watcher *watcher, const struct load_gate *gate, struct load_result *ret,
             struct error *e) {
        struct crew crew;
        uint64_t wanted_ns = 0;
        int r;

        memset(ret, 0, sizeof *ret);
        r = crew_init(&crew, plan, e);
        if (r == 0)
                r = start_threads(&crew, e);
        if (r == 0)
                await(&crew, &crew.shared.n_ready, NULL);
        if (r == 0 && gate && !atomic_load(&crew.shared.abandoned))
                r = wait_at(&crew, gate, &wanted_ns, e);
        if (r < 0)
                atomic_store(&crew.shared.abandoned, true);
        if (!atomic_load(&crew.shared.abandoned))
                set_start(&crew, wanted_ns, ret);
        let_go(&crew);
        if (crew.shared.start_ns > 0)
                await(&crew, &crew.shared.n_finished, watcher);
        join(&crew);
        if (r == 0)
                r = first_error(&crew, e);
        if (r == 0)
                r = sum_up(&crew, ret, e);
        crew_deinit(&crew);
        return r;
}

void load_result_deinit(struct load_result *r) {
        r->tally = load_tally_free(r->tally);
}

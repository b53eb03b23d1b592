#include "shared/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "shared/scoreboard.h"
#include "shared/store_cell.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

/* ---- memory ---- */

/* For reading, and for this process alone. */
static const struct restmark_worker_cell *map(int fd) {
        void *cell = mmap(NULL, sizeof(struct restmark_worker_cell), PROT_READ, MAP_SHARED, fd, 0);
        int saved_errno;

        if (cell == MAP_FAILED)
                return NULL;
        if (madvise(cell, sizeof(struct restmark_worker_cell), MADV_DONTFORK) == 0)
                return cell;
        saved_errno = errno;
        (void)munmap(cell, sizeof(struct restmark_worker_cell));
        errno = saved_errno;
        return NULL;
}

int cell_memory_new(struct cell_memory *ret, struct error *e) {
        int fd = memfd_create("restmark-cell", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        const struct restmark_worker_cell *live = NULL;

        if (fd >= 0 && ftruncate(fd, sizeof *live) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0)
                live = map(fd);
        if (!live) {
                int r = error_set_errno(e, errno, "cannot make the worker's cell of shared memory");

                (void)fd_close(fd);
                return r;
        }
        *ret = (struct cell_memory){ .fd = fd, .live = live };
        return 0;
}

int cell_memory_adopt(int fd, struct cell_memory *ret, struct error *e) {
        const struct restmark_worker_cell *live;
        struct stat st;

        if (fstat(fd, &st) < 0 || st.st_size != sizeof *live || fcntl(fd, F_GET_SEALS) != SEALS)
                return error_set(e, -EPROTO, "descriptor %d is not the cell of a worker", fd);
        live = map(fd);
        if (!live)
                return error_set_errno(e, errno, "cannot map a worker's cell");
        *ret = (struct cell_memory){ .fd = fd, .live = live };
        return 0;
}

struct cell_memory cell_memory_free(struct cell_memory memory) {
        if (memory.live)
                (void)munmap((void *)(uintptr_t)memory.live, sizeof *memory.live);
        (void)fd_close(memory.fd);
        return CELL_MEMORY_NONE;
}

struct restmark_worker_cell *cell_memory_open(const struct cell_memory *memory) {
        void *cell = mmap(NULL, sizeof(struct restmark_worker_cell), PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);

        return cell == MAP_FAILED ? NULL : cell;
}

/* ---- what is believed ---- */

/* Puts what is read into `seen`, and says whether it can be: no less than what was believed, no more than `max`. */
static bool read_grown(_Atomic uint64_t *seen, const _Atomic uint64_t *copy, const _Atomic uint64_t *live, uint64_t max) {
        uint64_t value = cell_get(live);

        cell_set(seen, value);
        return value >= cell_get(copy) && value <= max;
}

static bool read_route(struct restmark_route_cell *seen, const struct restmark_route_cell *copy, const struct restmark_route_cell *live) {
        bool can_be = read_grown(&seen->requests, &copy->requests, &live->requests, CELL_COUNT_MAX);

        can_be &= read_grown(&seen->errors_4xx, &copy->errors_4xx, &live->errors_4xx, CELL_COUNT_MAX);
        can_be &= read_grown(&seen->errors_5xx, &copy->errors_5xx, &live->errors_5xx, CELL_COUNT_MAX);
        can_be &= read_grown(&seen->aborted, &copy->aborted, &live->aborted, CELL_COUNT_MAX);
        can_be &= read_grown(&seen->bytes, &copy->bytes, &live->bytes, CELL_SUM_MAX);
        can_be &= read_grown(&seen->busy_ns, &copy->busy_ns, &live->busy_ns, CELL_SUM_MAX);
        can_be &= read_grown(&seen->duration_ns, &copy->duration_ns, &live->duration_ns, CELL_SUM_MAX);
        for (int i = 0; i < RESTMARK_DURATION_BUCKETS; i++)
                can_be &= read_grown(&seen->durations[i], &copy->durations[i], &live->durations[i], CELL_COUNT_MAX);
        return can_be;
}

static bool read_pulse(struct restmark_worker_cell *seen, const struct restmark_worker_cell *copy, const struct restmark_worker_cell *live,
                       uint64_t now_ms) {
        bool can_be = read_grown(&seen->taken_over, &copy->taken_over, &live->taken_over, CELL_COUNT_MAX);
        uint64_t connections = cell_get(&live->connections);

        cell_set(&seen->connections, connections);
        can_be &= read_grown(&seen->beat_ms, &copy->beat_ms, &live->beat_ms, now_ms + CELL_AHEAD_MS);
        return can_be && connections <= CELL_CONNECTIONS_MAX;
}

/* What lies a little ahead is now: nobody is to subtract it from an earlier moment. */
static uint64_t at_most(uint64_t value_ms, uint64_t now_ms) {
        return value_ms < now_ms ? value_ms : now_ms;
}

/* scoreboard_read_work() names a route that exists, whatever is there: that what is there does not is a lie. */
static bool read_work(struct restmark_worker_cell *seen, const struct restmark_worker_cell *live, uint64_t now_ms) {
        struct scoreboard_work work;

        if (!scoreboard_read_work(live, &work))
                return true; /* zero: none */
        cell_set(&seen->working_since_ms, at_most(work.since_ms, now_ms));
        cell_set(&seen->working_route, work.route);
        cell_set(&seen->working_count, work.count);
        cell_set(&seen->working_n, work.n);
        cell_set(&seen->working_seed, work.seed);
        return work.since_ms <= now_ms + CELL_AHEAD_MS && cell_get(&live->working_route) < RESTMARK_ROUTE_COUNT;
}

static bool read_stack(struct restmark_worker_cell *seen, const struct restmark_worker_cell *live) {
        uint64_t depth = atomic_load_explicit(&live->stack_depth, memory_order_acquire);

        if (depth > RESTMARK_STACK_MAX)
                return false;
        cell_set(&seen->stack_depth, depth);
        for (uint64_t i = 0; i < depth; i++)
                cell_set(&seen->stack[i], cell_get(&live->stack[i]));
        return true;
}

/* Number by number, as those who map the scoreboard see each of them whole. */
static void copy_numbers(struct restmark_worker_cell *to, const struct restmark_worker_cell *from) {
        _Atomic uint64_t *numbers = (void *)to;
        const _Atomic uint64_t *others = (const void *)from;

        _Static_assert(sizeof *to % sizeof *numbers == 0, "a cell consists of numbers");
        for (size_t i = 0; i < sizeof *to / sizeof *numbers; i++)
                cell_set(&numbers[i], cell_get(&others[i]));
}

/* The worker may write meanwhile: what has been looked at is what is kept, not what is there by then. */
bool cell_take(struct restmark_worker_cell *copy, const struct restmark_worker_cell *live, uint64_t now_ms) {
        struct restmark_worker_cell seen = { .accepted = 0 };
        bool can_be = read_pulse(&seen, copy, live, now_ms);

        cell_set(&seen.waiting, cell_get(&live->waiting));
        can_be &= cell_get(&seen.waiting) <= CELL_CONNECTIONS_MAX;
        cell_set(&seen.request_bodies_bytes, cell_get(&live->request_bodies_bytes));
        can_be &= cell_get(&seen.request_bodies_bytes) <= CELL_SUM_MAX;
        can_be &= read_grown(&seen.accepted, &copy->accepted, &live->accepted, CELL_COUNT_MAX);
        can_be &= read_grown(&seen.rpc_calls, &copy->rpc_calls, &live->rpc_calls, CELL_COUNT_MAX);
        cell_set(&seen.rpc_connections, cell_get(&live->rpc_connections));
        can_be &= cell_get(&seen.rpc_connections) <= CELL_CONNECTIONS_MAX;
        can_be &= read_grown(&seen.lost_log_lines, &copy->lost_log_lines, &live->lost_log_lines, CELL_COUNT_MAX);
        for (int i = 0; i < RESTMARK_CLOSE_COUNT; i++)
                can_be &= read_grown(&seen.closes[i], &copy->closes[i], &live->closes[i], CELL_COUNT_MAX);
        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                can_be &= read_route(&seen.routes[i], &copy->routes[i], &live->routes[i]);
        for (int i = 0; i < RESTMARK_STORE_COUNT; i++)
                can_be &= store_cell_read(&seen.stores[i], &copy->stores[i], &live->stores[i]);
        can_be &= read_work(&seen, live, now_ms);
        can_be &= read_stack(&seen, live);
        if (can_be)
                copy_numbers(copy, &seen);
        return can_be;
}

bool cell_take_pulse(struct restmark_worker_cell *copy, const struct restmark_worker_cell *live, uint64_t now_ms) {
        struct restmark_worker_cell seen; /* three numbers of it */

        if (!read_pulse(&seen, copy, live, now_ms))
                return false;
        cell_set(&copy->taken_over, cell_get(&seen.taken_over));
        cell_set(&copy->connections, cell_get(&seen.connections));
        cell_set(&copy->beat_ms, cell_get(&seen.beat_ms));
        return true;
}

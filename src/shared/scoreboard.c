#include "shared/scoreboard.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "shared/store_cell.h"

/* A fork does not get it: a worker has no business with what the master believes. */
static struct restmark_scoreboard *map(int fd) {
        struct restmark_scoreboard *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        int saved_errno;

        if (board == MAP_FAILED || madvise(board, sizeof *board, MADV_DONTFORK) == 0)
                return board;
        saved_errno = errno;
        (void)munmap(board, sizeof *board);
        errno = saved_errno;
        return MAP_FAILED;
}

int scoreboard_new(struct restmark_scoreboard **ret, int *ret_fd, struct error *e) {
        struct restmark_scoreboard *board = MAP_FAILED;
        int fd = memfd_create("restmark-scoreboard", MFD_CLOEXEC);

        if (fd >= 0 && ftruncate(fd, sizeof *board) == 0)
                board = map(fd);
        if (board == MAP_FAILED) {
                (void)error_set_errno(e, errno, "cannot make the scoreboard's shared memory");
                (void)fd_close(fd);
                return -ENOMEM;
        }
        board->magic = RESTMARK_SCOREBOARD_MAGIC;
        board->version = RESTMARK_SCOREBOARD_VERSION;
        board->slot_size = sizeof board->slots[0];
        *ret = board;
        *ret_fd = fd;
        return 0;
}

int scoreboard_adopt(int fd, struct restmark_scoreboard **ret, struct error *e) {
        struct restmark_scoreboard *board;
        struct stat st;

        if (fstat(fd, &st) < 0 || st.st_size != sizeof *board)
                return error_set(e, -EPROTO, "descriptor %d is not the scoreboard", fd);
        board = map(fd);
        if (board == MAP_FAILED)
                return error_set_errno(e, errno, "cannot map the scoreboard");
        if (board->magic != RESTMARK_SCOREBOARD_MAGIC || board->version != RESTMARK_SCOREBOARD_VERSION ||
            board->slot_size != sizeof board->slots[0]) {
                (void)scoreboard_free(board);
                return error_set(e, -EPROTO, "the scoreboard has another layout");
        }
        *ret = board;
        return 0;
}

struct restmark_scoreboard *scoreboard_free(struct restmark_scoreboard *board) {
        if (board)
                (void)munmap(board, sizeof *board);
        return NULL;
}

static void move_number(_Atomic uint64_t *to, _Atomic uint64_t *from) {
        cell_add(to, cell_get(from));
        cell_set(from, 0);
}

uint64_t scoreboard_bury(struct restmark_slot *slot, unsigned int seat) {
        struct restmark_worker_cell *past = &slot->slot.past, *worker = &slot->workers[seat];
        uint64_t requests = 0;

        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++) {
                requests += cell_get(&worker->routes[i].requests);
                move_number(&past->routes[i].requests, &worker->routes[i].requests);
                move_number(&past->routes[i].errors_4xx, &worker->routes[i].errors_4xx);
                move_number(&past->routes[i].errors_5xx, &worker->routes[i].errors_5xx);
                move_number(&past->routes[i].aborted, &worker->routes[i].aborted);
                move_number(&past->routes[i].bytes, &worker->routes[i].bytes);
                move_number(&past->routes[i].busy_ns, &worker->routes[i].busy_ns);
                move_number(&past->routes[i].duration_ns, &worker->routes[i].duration_ns);
                for (int k = 0; k < RESTMARK_DURATION_BUCKETS; k++)
                        move_number(&past->routes[i].durations[k], &worker->routes[i].durations[k]);
        }
        for (int i = 0; i < RESTMARK_STORE_COUNT; i++)
                store_cell_bury(&past->stores[i], &worker->stores[i]);
        move_number(&past->accepted, &worker->accepted);
        for (int i = 0; i < RESTMARK_CLOSE_COUNT; i++)
                move_number(&past->closes[i], &worker->closes[i]);
        move_number(&past->rpc_calls, &worker->rpc_calls);
        move_number(&past->lost_log_lines, &worker->lost_log_lines);
        move_number(&past->taken_over, &worker->taken_over);
        cell_set(&worker->connections, 0);
        cell_set(&worker->rpc_connections, 0);
        cell_set(&worker->waiting, 0);
        cell_set(&worker->request_bodies_bytes, 0);
        cell_set(&worker->beat_ms, 0);
        cell_set(&worker->working_since_ms, 0);
        cell_set(&worker->stack_depth, 0);
        return requests;
}

bool scoreboard_read_work(const struct restmark_worker_cell *cell, struct scoreboard_work *ret) {
        uint64_t since_ms = atomic_load_explicit(&cell->working_since_ms, memory_order_acquire);
        struct scoreboard_work work = { .since_ms = since_ms };
        uint64_t route = cell_get(&cell->working_route);

        if (since_ms == 0)
                return false;
        work.route = route < RESTMARK_ROUTE_COUNT ? (enum restmark_route)route : RESTMARK_ROUTE_OTHER;
        work.count = cell_get(&cell->working_count);
        work.n = cell_get(&cell->working_n);
        work.seed = cell_get(&cell->working_seed);
        atomic_thread_fence(memory_order_acquire);
        if (cell_get(&cell->working_since_ms) != since_ms)
                return false;
        *ret = work;
        return true;
}

const char *scoreboard_format_query(const struct scoreboard_work *work, char *text) {
        text[0] = '\0';
        switch (work->route) {
        case RESTMARK_ROUTE_MILLION_LOOP:
                (void)snprintf(text, SCOREBOARD_QUERY_MAX, "?n=%" PRIu64 "&seed=%" PRIu64, work->n, work->seed);
                break;
        case RESTMARK_ROUTE_PARSE_MSGPACK:
        case RESTMARK_ROUTE_ENCODE_JSON:
        case RESTMARK_ROUTE_TRANSFER_DATA:
                (void)snprintf(text, SCOREBOARD_QUERY_MAX, "?count=%" PRIu64, work->count);
                break;
        default:
                break;
        }
        return text;
}

void scoreboard_set_slots(struct restmark_scoreboard *board, uint32_t n_slots) {
        board->n_slots = n_slots;
        if (n_slots > board->n_slots_used)
                board->n_slots_used = n_slots;
}

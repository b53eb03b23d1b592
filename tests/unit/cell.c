/* A worker's cell as the master reads it: whatever is there, what is believed is within bounds, or nothing is. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/cell.h"
#include "shared/scoreboard.h"
#include "shared/status.h"

enum { NOW_MS = 1000000 };

static struct restmark_worker_cell copy, live;

static bool take(void) {
        return cell_take(&copy, &live, NOW_MS);
}

/* An honest worker's. */
static int make_honest(void **state) {
        (void)state;
        memset(&copy, 0, sizeof copy);
        memset(&live, 0, sizeof live);
        cell_set(&live.accepted, 7);
        cell_set(&live.connections, 3);
        cell_set(&live.closes[RESTMARK_CLOSE_TLS], 2);
        cell_set(&live.taken_over, 1);
        cell_set(&live.beat_ms, NOW_MS - 5);
        cell_set(&live.routes[RESTMARK_ROUTE_OTHER].requests, 9);
        cell_set(&live.routes[RESTMARK_ROUTE_OTHER].durations[4], 9);
        cell_set(&live.working_n, 5);
        scoreboard_begin_work(&live, RESTMARK_ROUTE_MILLION_LOOP, NOW_MS - 3);
        cell_set(&live.stack[0], 0x1234);
        cell_set(&live.stack_depth, 1);
        assert_true(take());
        return 0;
}

static void an_honest_cell_is_copied_as_a_whole(void **state) {
        (void)state;
        assert_memory_equal(&copy, &live, sizeof live);
        scoreboard_end_work(&live);
        cell_set(&live.connections, 0);
        cell_add(&live.accepted, 1);
        assert_true(take());
        assert_int_equal(cell_get(&copy.accepted), 8);
        assert_int_equal(cell_get(&copy.connections), 0);
        assert_int_equal(cell_get(&copy.working_since_ms), 0);
}

/* Clears what lies between the end of a member and the next one. */
#define CLEAR_GAP(begin, end) memset((char *)&live + (begin), 0, (end) - (begin))
#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* A member that is added, and that the copying forgets, is found here. */
static void no_number_is_forgotten(void **state) {
        _Atomic uint64_t *numbers = (void *)&live;

        (void)state;
        memset(&copy, 0, sizeof copy);
        for (size_t i = 0; i < sizeof live / sizeof *numbers; i++)
                cell_set(&numbers[i], 1);
        CLEAR_GAP(END_OF(struct restmark_worker_cell, working_seed), offsetof(struct restmark_worker_cell, routes));
        for (size_t i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                CLEAR_GAP(offsetof(struct restmark_worker_cell, routes[i]) + END_OF(struct restmark_route_cell, durations),
                          offsetof(struct restmark_worker_cell, routes[i]) + sizeof(struct restmark_route_cell));
        CLEAR_GAP(END_OF(struct restmark_worker_cell, routes), offsetof(struct restmark_worker_cell, stack_depth));
        CLEAR_GAP(END_OF(struct restmark_worker_cell, stack), sizeof live);
        cell_set(&live.stack_depth, RESTMARK_STACK_MAX);
        assert_true(take());
        assert_memory_equal(&copy, &live, sizeof live);
}

static void one_lie_and_nothing_is_believed(void **state) {
        const struct {
                _Atomic uint64_t *at;
                uint64_t value;
        } lies[] = {
                { &live.accepted, 6 }, /* it was 7 */
                { &live.accepted, CELL_COUNT_MAX + 1 },
                { &live.connections, CELL_CONNECTIONS_MAX + 1 },
                { &live.closes[RESTMARK_CLOSE_TLS], 1 },
                { &live.closes[RESTMARK_CLOSE_COUNT - 1], UINT64_MAX },
                { &live.taken_over, 0 },
                { &live.beat_ms, NOW_MS - 6 },
                { &live.beat_ms, NOW_MS + CELL_AHEAD_MS + 1 },
                { &live.working_since_ms, NOW_MS + CELL_AHEAD_MS + 1 },
                { &live.working_since_ms, UINT64_MAX },
                { &live.working_route, RESTMARK_ROUTE_COUNT },
                { &live.working_route, UINT64_C(1) << 32 },
                { &live.routes[0].requests, CELL_COUNT_MAX + 1 },
                { &live.routes[RESTMARK_ROUTE_OTHER].requests, 8 },
                { &live.routes[3].errors_4xx, UINT64_MAX },
                { &live.routes[3].errors_5xx, UINT64_MAX },
                { &live.routes[3].aborted, UINT64_MAX },
                { &live.routes[3].bytes, CELL_SUM_MAX + 1 },
                { &live.routes[3].busy_ns, CELL_SUM_MAX + 1 },
                { &live.routes[3].duration_ns, CELL_SUM_MAX + 1 },
                { &live.routes[RESTMARK_ROUTE_OTHER].durations[4], 8 },
                { &live.routes[3].durations[RESTMARK_DURATION_BUCKETS - 1], CELL_COUNT_MAX + 1 },
                { &live.stack_depth, RESTMARK_STACK_MAX + 1 },
                { &live.stack_depth, UINT64_MAX },
        };
        struct restmark_worker_cell before;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(lies); i++) {
                (void)make_honest(NULL);
                memcpy(&before, &copy, sizeof before);
                cell_add(&live.routes[0].requests, 1); /* true, and not believed either */
                cell_set(lies[i].at, lies[i].value);
                if (take())
                        fail_msg("lie %zu is believed", i);
                assert_memory_equal(&copy, &before, sizeof copy);
        }
}

static void what_is_at_the_bounds_is_believed(void **state) {
        (void)state;
        cell_set(&live.accepted, CELL_COUNT_MAX);
        cell_set(&live.connections, CELL_CONNECTIONS_MAX);
        cell_set(&live.beat_ms, NOW_MS + CELL_AHEAD_MS);
        cell_set(&live.routes[0].duration_ns, CELL_SUM_MAX);
        cell_set(&live.stack_depth, RESTMARK_STACK_MAX);
        cell_set(&live.working_route, RESTMARK_ROUTE_COUNT - 1);
        cell_set(&live.working_since_ms, NOW_MS);
        assert_true(take());
        assert_memory_equal(&copy, &live, sizeof live);
}

static void what_began_a_little_ahead_began_now(void **state) {
        (void)state;
        cell_set(&live.working_since_ms, NOW_MS + CELL_AHEAD_MS);
        assert_true(take());
        assert_int_equal(cell_get(&copy.working_since_ms), NOW_MS);
}

static void the_pulse_is_three_numbers(void **state) {
        (void)state;
        cell_set(&live.connections, 4);
        cell_set(&live.taken_over, 2);
        cell_set(&live.beat_ms, NOW_MS);
        cell_set(&live.accepted, 6); /* a lie, but not one of the three */
        assert_true(cell_take_pulse(&copy, &live, NOW_MS));
        assert_int_equal(cell_get(&copy.connections), 4);
        assert_int_equal(cell_get(&copy.taken_over), 2);
        assert_int_equal(cell_get(&copy.beat_ms), NOW_MS);
        assert_int_equal(cell_get(&copy.accepted), 7);
        cell_set(&live.connections, 5);
        cell_set(&live.taken_over, UINT64_MAX);
        assert_false(cell_take_pulse(&copy, &live, NOW_MS));
        assert_int_equal(cell_get(&copy.connections), 4);
}

/* With any bytes at all: what is shown of it can be shown. */
static void noise_is_shown_without_harm(void **state) {
        struct restmark_scoreboard *board = calloc(1, sizeof *board);
        unsigned int seed = 12;
        char *text;
        size_t size;

        (void)state;
        assert_non_null(board);
        board->n_slots = board->n_slots_used = 1;
        for (int round = 0; round < 20000; round++) {
                unsigned char *bytes = (unsigned char *)&live;

                (void)make_honest(NULL);
                for (int n = rand_r(&seed) % 4 == 0 ? (int)sizeof live : 1 + rand_r(&seed) % 8; n > 0; n--)
                        bytes[(size_t)rand_r(&seed) % sizeof live] = (unsigned char)rand_r(&seed);
                (void)cell_take(&board->slots[0].workers[0], &live, NOW_MS);
                assert_true(cell_get(&board->slots[0].workers[0].stack_depth) <= RESTMARK_STACK_MAX);
                assert_true(cell_get(&board->slots[0].workers[0].working_route) < RESTMARK_ROUTE_COUNT);
                assert_true(cell_get(&board->slots[0].workers[0].connections) <= CELL_CONNECTIONS_MAX);
                if (round % 100 != 0)
                        continue;

                FILE *to = open_memstream(&text, &size);

                assert_non_null(to);
                status_write_table(board, to);
                status_write_workers_table(board, to);
                status_write_json(board, to);
                assert_int_equal(fclose(to), 0);
                assert_true(size > 1000);
                free(text);
                (void)scoreboard_bury(&board->slots[0], 0);
        }
        free(board);
}

/* ---- the memory ---- */

static int end_of(pid_t child) {
        int status;

        assert_int_equal(waitpid(child, &status, 0), child);
        return status;
}

static void only_the_worker_writes_and_the_master_reads(void **state) {
        struct cell_memory memory, again;
        struct error e;
        pid_t child;

        (void)state;
        assert_int_equal(cell_memory_new(&memory, &e), 0);
        assert_int_equal(fcntl(memory.fd, F_GETFD), FD_CLOEXEC);
        child = fork();
        if (child == 0) {
                struct restmark_worker_cell *cell = cell_memory_open(&memory);

                cell_set(&cell->accepted, 42);
                _exit(0);
        }
        assert_int_equal(end_of(child), 0);
        assert_int_equal(cell_get(&memory.live->accepted), 42);
        /* Nobody can make the master's next look a SIGBUS. */
        assert_int_equal(ftruncate(memory.fd, 0), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(cell_memory_adopt(dup(memory.fd), &again, &e), 0);
        assert_int_equal(cell_get(&again.live->accepted), 42);
        again = cell_memory_free(again);
        memory = cell_memory_free(memory);
        assert_int_equal(memory.fd, -1);
        assert_null(memory.live);
}

static bool child_dies_of_reading(const void *address) {
        pid_t child = fork();
        int status;

        if (child == 0) {
                (void)signal(SIGSEGV, SIG_DFL); /* no sanitizer is to report it */
                _exit(*(const volatile unsigned char *)address == 0 ? 0 : 1);
        }
        status = end_of(child);
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void a_fork_has_neither_the_cells_of_others_nor_the_scoreboard(void **state) {
        struct restmark_scoreboard *board;
        struct cell_memory memory;
        struct error e;
        int fd;

        (void)state;
        assert_int_equal(cell_memory_new(&memory, &e), 0);
        assert_true(child_dies_of_reading(memory.live));
        memory = cell_memory_free(memory);
        assert_int_equal(scoreboard_new(&board, &fd, &e), 0);
        assert_true(child_dies_of_reading(board));
        board = scoreboard_free(board);
        assert_int_equal(scoreboard_adopt(fd, &board, &e), 0);
        assert_true(child_dies_of_reading(board));
        (void)scoreboard_free(board);
        (void)close(fd);
}

static void what_is_no_cell_is_not_adopted(void **state) {
        struct cell_memory memory;
        struct error e;
        int unsealed = memfd_create("x", MFD_ALLOW_SEALING), null = open("/dev/null", O_RDWR);

        (void)state;
        assert_int_equal(ftruncate(unsealed, sizeof(struct restmark_worker_cell)), 0);
        assert_int_equal(cell_memory_adopt(unsealed, &memory, &e), -EPROTO);
        assert_int_equal(cell_memory_adopt(null, &memory, &e), -EPROTO);
        assert_int_equal(cell_memory_adopt(-1, &memory, &e), -EPROTO);
        (void)close(unsealed);
        (void)close(null);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(an_honest_cell_is_copied_as_a_whole, make_honest),
                cmocka_unit_test_setup(no_number_is_forgotten, make_honest),
                cmocka_unit_test_setup(one_lie_and_nothing_is_believed, make_honest),
                cmocka_unit_test_setup(what_is_at_the_bounds_is_believed, make_honest),
                cmocka_unit_test_setup(what_began_a_little_ahead_began_now, make_honest),
                cmocka_unit_test_setup(the_pulse_is_three_numbers, make_honest),
                cmocka_unit_test(noise_is_shown_without_harm),
                cmocka_unit_test(only_the_worker_writes_and_the_master_reads),
                cmocka_unit_test(a_fork_has_neither_the_cells_of_others_nor_the_scoreboard),
                cmocka_unit_test(what_is_no_cell_is_not_adopted),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

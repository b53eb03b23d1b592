/* Any bytes, in any pieces and at any time, as what clients send to a worker: the embedding as it is (intake, gate, libmicrohttpd, routes, access
 * log), driven in this process over pairs of sockets, by a clock of its own. See script.h for what an input says.
 *
 * What must hold: no crash; every turn of the loop does something, so that none spins; answers are well-formed, no more than the requests that
 * the gate has released (and the one it has refused), and none follows one that ends the connection, which then ends; the library sees the gate's heads
 * and nothing else; what is counted, logged and answered agrees; nothing is left at the end: no connection, descriptor or memory. And the answers
 * are the same if all that a client sends comes at once. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "data/dataset.h"
#include "fuzz.h"
#include "work/work.h"
#include "worker_clients.h"

enum {
        RECORDS = 520,  /* whose JSON is more than the kernel takes of a file at once */
        INPUT_MAX = 1 << 14,
        LOG_MAX = 1 << 20,
        IDLE_TIMEOUT_MS = 5000,
        REQUEST_TIMEOUT_MS = 60000,
        GONE_MS = 25000, /* in which each client that has ended its side must have been let go */
        LOOK_MS = 1000,
};

static struct dataset *dataset;
static struct work *work;
static int log_fds[2]; /* a pipe: its end, and its begin, which the server has copies of */

static const struct server_limits limits = { .max_connections = CONNECTIONS_MAX,
                                             .idle_timeout_ms = IDLE_TIMEOUT_MS,
                                             .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                             .limit_post_bytes = 2000,
                                             .limit_body_bytes = 3000,
                                             .body_memory_bytes = 1 << 30, /* what there is none left for depends on others */
                                             .max_header_bytes = 1024,
                                             .access_log_sample = 1,
                                             .zero_copy = true };

/* What the server reads of the clock is the run's time, too. Before the first run it is the machine's. */
int clock_gettime(clockid_t which, struct timespec *ret) {
        if (which != CLOCK_MONOTONIC || run.now_ms == 0)
                return (int)syscall(SYS_clock_gettime, which, ret);
        *ret = (struct timespec){ .tv_sec = (time_t)(run.now_ms / 1000), .tv_nsec = (long)(run.now_ms % 1000) * 1000000 };
        return 0;
}

/* ---- the script ---- */

static void add_text(struct client *c, const struct step *step) {
        if (step->kind == STEP_TEXT)
                client_add(c, step->text, step->length, 1);
        else if (step->length > 0)
                client_add(c, step->text, 1, step->length);
}

/* What more than one client or the clock has a part in is not compared with what comes at once. */
static void take(const struct step *step) {
        struct client *c = &run.clients[run.current];

        switch (step->kind) {
        case STEP_TEXT:
        case STEP_REPEAT:
                add_text(c, step);
                return;
        case STEP_PIECES:
                run.pieces = step->length;
                run.is_cut = true;
                return;
        case STEP_CHOOSE:
                run.current = step->length < run.n_clients ? step->length : run.current;
                return;
        case STEP_CUT:
                run.is_cut = true;
                if (!run.is_whole)
                        client_flush(c);
                return;
        default:
                break;
        }
        run.is_timed |= step->kind != STEP_HALF_CLOSE && step->kind != STEP_OPEN;
        client_flush(c);
        if (step->kind == STEP_WAIT)
                clients_wait(step->wait_ms);
        else if (step->kind == STEP_HALF_CLOSE)
                client_half_close(c);
        else if (step->kind == STEP_CLOSE)
                client_close(c);
        else if (step->kind == STEP_OPEN)
                clients_open();
        else if (step->kind == STEP_READING)
                c->reads = !c->reads;
        else if (step->kind == STEP_DRAIN)
                server_drain(run.server, run.now_ms);
        clients_turn();
}

/* ---- what must hold ---- */

static unsigned int count_log_lines(void) {
        static char lines[LOG_MAX];
        ssize_t n = read(log_fds[0], lines, sizeof lines);
        unsigned int found = 0;

        n = n < 0 ? 0 : n; /* the pipe is empty */
        REQUIRE((size_t)n < sizeof lines, "the access log does not fit");
        for (ssize_t i = 0; i < n; i++) {
                REQUIRE(lines[i] == '\n' || (lines[i] >= 0x20 && lines[i] < 0x7f), "byte 0x%02x in the access log", (unsigned char)lines[i]);
                found += lines[i] == '\n';
        }
        REQUIRE(n == 0 || lines[n - 1] == '\n', "the access log ends in the middle of a line");
        return found;
}

static void check_client(const struct client *c) {
        unsigned int lines = eye_count(c->sent, c->n_sent, "HTTP/");

        REQUIRE(c->answers.n <= lines + 1, "%u answers to what cannot be more than %u requests", c->answers.n, lines);
        REQUIRE(c->answers.n_interim <= eye_count(c->sent, c->n_sent, "100-continue"), "100 Continue that nobody asked for");
        if (!c->closed_itself)
                REQUIRE(c->has_ended, "a client that has ended its side is not let go in %d ms", GONE_MS);
}

static void check_counts(void) {
        uint64_t requests = 0, aborted = 0;
        unsigned int answers = 0, n_lines = count_log_lines();
        bool all_read = true;

        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++) {
                requests += run.cell.routes[i].requests;
                aborted += run.cell.routes[i].aborted;
        }
        for (size_t i = 0; i < run.n_clients; i++) {
                answers += run.clients[i].answers.n;
                all_read &= !run.clients[i].closed_itself;
        }
        REQUIRE(requests == n_lines, "%llu requests are counted, but %u logged", (unsigned long long)requests, n_lines);
        REQUIRE(run.n_seen <= run.n_released, "the library has seen %u requests, of which the gate has released %u", run.n_seen, run.n_released);
        REQUIRE(answers <= run.n_released + run.n_clients, "%u answers to %u released requests", answers, run.n_released);
        if (all_read && !run.is_timed)
                REQUIRE(answers == requests - aborted, "%u answers, but %llu are counted", answers, (unsigned long long)(requests - aborted));
        REQUIRE(run.cell.connections == 0, "%llu connections are counted that are none", (unsigned long long)run.cell.connections);
        REQUIRE(run.cell.accepted == run.n_clients, "%llu connections are counted of %zu", (unsigned long long)run.cell.accepted, run.n_clients);
}

/* Each client reads all and ends its side; then each must be let go. */
static void end_clients(void) {
        for (size_t i = 0; i < run.n_clients; i++) {
                struct client *c = &run.clients[i];

                client_flush(c);
                c->reads = true;
        }
        clients_turn();
        for (size_t i = 0; i < run.n_clients; i++)
                if (!run.is_timed && run.clients[i].answers.says_close)
                        REQUIRE(run.clients[i].has_ended, "the connection goes on behind an answer that says Connection: close");
        for (size_t i = 0; i < run.n_clients; i++)
                client_half_close(&run.clients[i]);
        clients_turn();
        for (uint64_t ms = 0; ms < GONE_MS && server_connections(run.server) > 0; ms += LOOK_MS)
                clients_wait(LOOK_MS);
        REQUIRE(server_connections(run.server) == 0, "%llu connections are left whose clients have ended", (unsigned long long)server_connections(run.server));
        for (size_t i = 0; i < run.n_clients; i++) {
                check_client(&run.clients[i]);
                client_close(&run.clients[i]);
        }
        run.now_ms += REQUEST_TIMEOUT_MS; /* no deadline is later */
        clients_turn();
        REQUIRE(server_wait_ms(run.server, run.now_ms) == -1, "something is waited for, though nobody is there");
}

static void run_script(const char *input, size_t length, bool is_whole) {
        struct server_parts parts = { .limits = &limits, .work = work, .dataset = dataset, .cell = &run.cell, .access_log_fd = dup(log_fds[1]) };
        struct script script = { input, input + length };
        struct step step;
        struct error e;
        int before = fuzz_free_descriptor();

        before--; /* the log's copy */
        memset(&run.cell, 0, sizeof run.cell);
        run.now_ms = 1000000;
        run.n_clients = run.current = run.pieces = 0;
        run.is_whole = is_whole;
        run.is_timed = run.is_cut = false;
        run.n_released = run.n_seen = 0;
        REQUIRE(parts.access_log_fd == before, "a descriptor is missing");
        REQUIRE(server_new(&parts, &run.server, &e) == 0, "%s", e.text);
        server_send_from_file(run.server);
        clients_open();
        while (script_next(&script, &step))
                take(&step);
        end_clients();
        run.server = server_free(run.server);
        check_counts();
        REQUIRE(fuzz_free_descriptor() == before, "descriptors are left open");
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        struct rlimit few = { DESCRIPTORS_MAX, DESCRIPTORS_MAX };
        struct error e;

        (void)argc;
        (void)argv;
        log_open(LOG_TARGET_STDERR, LOG_CRIT);
        REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0, "cannot limit the descriptors"); /* the gate has a place for each */
        REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR, "cannot ignore SIGPIPE");        /* as settle() does */
        REQUIRE(dataset_new(NULL, RECORDS, CODEC_STRUCT, &dataset, &e) == 0, "%s", e.text);
        REQUIRE(work_new(dataset, CODEC_STRUCT, &work, &e) == 0, "%s", e.text);
        REQUIRE(pipe2(log_fds, O_NONBLOCK | O_CLOEXEC) == 0 && fcntl(log_fds[1], F_SETPIPE_SZ, LOG_MAX) >= LOG_MAX, "cannot make a pipe");
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        struct {
                unsigned int n;
                uint64_t sum;
        } cut[SCRIPT_CLIENTS];
        size_t n;

        if (length == 0 || length > INPUT_MAX)
                return 0;
        run_script((const char *)bytes, length, false);
        if (!run.is_cut || run.is_timed)
                return 0;
        n = run.n_clients;
        for (size_t i = 0; i < n; i++) {
                cut[i].n = run.clients[i].answers.n;
                cut[i].sum = run.clients[i].answers.sum;
        }
        run_script((const char *)bytes, length, true);
        for (size_t i = 0; i < n; i++)
                REQUIRE(cut[i].n == run.clients[i].answers.n && cut[i].sum == run.clients[i].answers.sum,
                        "other answers (%u) in pieces than at once (%u)", cut[i].n, run.clients[i].answers.n);
        return 0;
}

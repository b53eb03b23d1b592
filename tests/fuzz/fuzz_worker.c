/* Any bytes, in any pieces and at any time, as what clients send to a worker: the embedding as it is (intake, gate, libmicrohttpd, routes, access
 * log), driven in this process over pairs of sockets, by a clock of its own. See script.h for what an input says.
 *
 * What must hold: no crash; every turn of the loop does something, so that none spins; answers are well-formed, no more than the requests that
 * the gate has released (and the one it has refused), and none follows one that ends the connection, which then ends; the library sees the gate's heads
 * and nothing else; what is counted, logged and answered agrees; nothing is left at the end: no connection, descriptor or memory. And the answers
 * are the same if all that a client sends comes at once. */
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <restmark/scoreboard.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "data/dataset.h"
#include "eye.h"
#include "fuzz.h"
#include "http/server.h"
#include "script.h"
#include "work/work.h"

enum {
        RECORDS = 24,          /* whose JSON is more than a connection's buffer takes */
        SEND_BUFFER = 4096,    /* bytes: the kernel takes its least */
        SENT_MAX = 1 << 16,    /* bytes of one client */
        INPUT_MAX = 1 << 14,
        LOG_MAX = 1 << 20,
        DESCRIPTORS_MAX = 128,
        CONNECTIONS_MAX = 3,   /* one less than there may be clients */
        IDLE_TURNS_MAX = 40,   /* in which nothing is read, sent or closed; some calls are needed to find an end */
        LOOP_STEPS_MAX = 50,
        IDLE_TIMEOUT_MS = 5000,
        REQUEST_TIMEOUT_MS = 60000,
        GONE_MS = 25000,       /* in which each client that has ended its side must have been let go */
        STEP_MS = 1000,
        PIECES_MAX = 24,       /* of one text; the rest of it comes at once: an input may say again where to cut */
};

struct client {
        int fd, server_fd; /* -1: not open */
        bool has_ended, was_reset, half_closed, reads, closed_itself, is_full;
        char sent[SENT_MAX], pending[SENT_MAX];
        size_t n_sent, n_pending;
        struct eye_answers answers;
};

static struct {
        struct server *server;
        struct restmark_worker_cell cell;
        uint64_t now_ms;
        struct client clients[SCRIPT_CLIENTS];
        size_t n_clients, current, pieces;
        bool is_whole;  /* all that a client sends comes at once */
        bool is_timed;  /* clients may see the end of what they did not end */
        bool is_cut;    /* the pieces matter */
        uint64_t progress;
        struct eye_heads heads[DESCRIPTORS_MAX];
        unsigned int n_released, n_seen;
} run;

static struct dataset *dataset;
static struct work *work;
static int log_fds[2]; /* a pipe: its end, and its begin, which the server has copies of */

static const struct server_limits limits = { .max_connections = CONNECTIONS_MAX,
                                             .idle_timeout_ms = IDLE_TIMEOUT_MS,
                                             .request_timeout_ms = REQUEST_TIMEOUT_MS,
                                             .limit_post_bytes = 2000,
                                             .max_header_bytes = 1024,
                                             .access_log_sample = 1 };

/* ---- between the parts ---- */

ssize_t intake_recv(int fd, void *buffer, size_t size, int flags); /* recv() of intake.c, which is compiled under this name */
void *__real_connection_request_line(void *context, const char *target, struct MHD_Connection *mhd);
void *__wrap_connection_request_line(void *context, const char *target, struct MHD_Connection *mhd);
int64_t __real_loop_run(uint64_t n, uint32_t seed);
int64_t __wrap_loop_run(uint64_t n, uint32_t seed);

/* What libmicrohttpd calls. */
__attribute__((visibility("default"), used)) ssize_t recv(int fd, void *buffer, size_t size, int flags) {
        ssize_t n = intake_recv(fd, buffer, size, flags);

        if (flags != 0 || n <= 0)
                return n;
        run.progress++;
        REQUIRE(fd < DESCRIPTORS_MAX, "descriptor %d", fd);
        run.n_released -= run.heads[fd].n;
        eye_take_heads(&run.heads[fd], buffer, (size_t)n);
        run.n_released += run.heads[fd].n;
        return n;
}

void *__wrap_connection_request_line(void *context, const char *target, struct MHD_Connection *mhd) {
        run.n_seen++;
        return __real_connection_request_line(context, target, mhd);
}

/* Its time is not what is looked for. */
int64_t __wrap_loop_run(uint64_t n, uint32_t seed) {
        return __real_loop_run(n < LOOP_STEPS_MAX ? n : LOOP_STEPS_MAX, seed);
}

/* ---- clients ---- */

static bool may_lack_body(const struct client *c) {
        return memmem(c->sent, c->n_sent, "HEAD ", 5) != NULL;
}

static void end(struct client *c, bool was_reset) {
        c->has_ended = true;
        c->was_reset = was_reset;
        run.progress++;
        if (!run.is_timed)
                REQUIRE(eye_is_whole(&c->answers, may_lack_body(c)), "the connection ends in the middle of an answer");
        if (!run.is_timed && c->answers.says_close)
                REQUIRE(!was_reset, "the connection is reset behind its last answer, which the client may lose by that");
}

static void read_answers(struct client *c) {
        char bytes[16384];

        while (c->fd >= 0 && c->reads && !c->has_ended) {
                ssize_t n = recvfrom(c->fd, bytes, sizeof bytes, MSG_DONTWAIT, NULL, NULL);

                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0) {
                        end(c, n < 0);
                        return;
                }
                run.progress++;
                eye_take(&c->answers, bytes, (size_t)n, may_lack_body(c));
        }
}

/* Lets those read who have something to read. Returns whether the worker's loop would turn again. */
static bool look(void) {
        struct pollfd fds[2 + SCRIPT_CLIENTS];
        int both[2];
        bool has_read = false;

        server_fds(run.server, both);
        for (size_t i = 0; i < 2 + run.n_clients; i++) {
                const struct client *c = &run.clients[i < 2 ? 0 : i - 2];

                fds[i] = (struct pollfd){ .fd = i < 2 ? both[i] : c->reads && !c->has_ended ? c->fd : -1, .events = POLLIN };
        }
        while (poll(fds, 2 + run.n_clients, 0) < 0)
                REQUIRE(errno == EINTR, "cannot poll"); /* by libFuzzer's own clock */
        for (size_t i = 0; i < run.n_clients; i++)
                if (fds[2 + i].revents) {
                        read_answers(&run.clients[i]);
                        has_read = true;
                }
        return has_read || fds[0].revents || fds[1].revents || server_wait_ms(run.server, run.now_ms) == 0;
}

/* The worker's loop, up to where it would wait. */
static void turn(void) {
        unsigned int idle = 0;
        uint64_t before;

        do {
                before = run.progress;
                server_run(run.server, run.now_ms);
                REQUIRE(++idle < IDLE_TURNS_MAX, "the loop spins: %u turns in which nothing is read, sent or closed", idle);
                idle = run.progress == before ? idle : 0;
        } while (look());
}

static void open_client(void) {
        struct sockaddr_in peer = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fds[2], size = SEND_BUFFER;
        struct client *c = &run.clients[run.n_clients];

        if (run.n_clients == SCRIPT_CLIENTS)
                return;
        run.is_timed |= run.n_clients >= CONNECTIONS_MAX;
        if (!server_make_room(run.server)) /* it would wait in the listener's queue */
                return;
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0, "cannot make a pair of sockets");
        REQUIRE(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0, "cannot set a buffer's size");
        c->fd = fds[0];
        c->server_fd = fds[1];
        c->has_ended = c->was_reset = c->half_closed = c->closed_itself = c->is_full = false;
        c->reads = true;
        c->n_sent = c->n_pending = 0;
        memset(&c->answers, 0, sizeof c->answers);
        memset(&run.heads[fds[1]], 0, sizeof run.heads[0]);
        run.current = run.n_clients++;
        server_add(run.server, fds[1], (const struct sockaddr *)&peer, sizeof peer, run.now_ms);
}

/* Sends `length` of the pending bytes. What the server does not take, as it waits for a client that does not read, is never sent. */
static void send_some(struct client *c, size_t length) {
        size_t at = 0;

        while (at < length && !c->is_full && !c->half_closed && c->fd >= 0 && !c->has_ended) {
                ssize_t n = send(c->fd, c->pending + at, length - at, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n > 0) {
                        memcpy(c->sent + c->n_sent, c->pending + at, (size_t)n);
                        c->n_sent += (size_t)n;
                        at += (size_t)n;
                        continue;
                }
                if (n < 0 && errno != EAGAIN)
                        break;
                n = (ssize_t)run.progress;
                turn();
                c->is_full = run.progress == (uint64_t)n;
        }
        c->n_pending -= length;
        memmove(c->pending, c->pending + length, c->n_pending);
}

static void flush(struct client *c) {
        for (unsigned int i = 0; c->n_pending > 0; i++) {
                bool is_cut = !run.is_whole && run.pieces > 0 && run.pieces < c->n_pending && i < PIECES_MAX;

                send_some(c, is_cut ? run.pieces : c->n_pending);
                if (!run.is_whole)
                        turn();
        }
}

static void add(struct client *c, const char *bytes, size_t length, size_t times) {
        if (c->n_sent + c->n_pending + length * times > SENT_MAX)
                return;
        if (times > 1 || length == 0)
                memset(c->pending + c->n_pending, bytes[0], times);
        else
                memcpy(c->pending + c->n_pending, bytes, length);
        c->n_pending += length * times;
}

/* ---- the script ---- */

static void wait(uint64_t ms) {
        uint64_t until_ms = run.now_ms + ms;

        while (run.now_ms < until_ms) {
                run.now_ms = until_ms - run.now_ms < STEP_MS ? until_ms : run.now_ms + STEP_MS;
                turn();
        }
}

static void close_client(struct client *c) {
        if (c->fd < 0)
                return;
        (void)close(c->fd);
        c->fd = -1;
        c->closed_itself = !c->has_ended;
}

static void half_close(struct client *c) {
        if (c->fd >= 0 && !c->half_closed)
                (void)shutdown(c->fd, SHUT_WR);
        c->half_closed = true;
}

static void add_text(struct client *c, const struct step *step) {
        if (step->kind == STEP_TEXT)
                add(c, step->text, step->length, 1);
        else if (step->length > 0)
                add(c, step->text, 1, step->length);
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
                        flush(c);
                return;
        default:
                break;
        }
        run.is_timed |= step->kind != STEP_HALF_CLOSE && step->kind != STEP_OPEN;
        flush(c);
        if (step->kind == STEP_WAIT)
                wait(step->wait_ms);
        else if (step->kind == STEP_HALF_CLOSE)
                half_close(c);
        else if (step->kind == STEP_CLOSE)
                close_client(c);
        else if (step->kind == STEP_OPEN)
                open_client();
        else if (step->kind == STEP_READING)
                c->reads = !c->reads;
        else if (step->kind == STEP_DRAIN)
                server_drain(run.server, run.now_ms);
        turn();
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

                flush(c);
                c->reads = true;
        }
        turn();
        for (size_t i = 0; i < run.n_clients; i++)
                if (!run.is_timed && run.clients[i].answers.says_close)
                        REQUIRE(run.clients[i].has_ended, "the connection goes on behind an answer that says Connection: close");
        for (size_t i = 0; i < run.n_clients; i++)
                half_close(&run.clients[i]);
        turn();
        for (uint64_t ms = 0; ms < GONE_MS && server_connections(run.server) > 0; ms += STEP_MS)
                wait(STEP_MS);
        REQUIRE(server_connections(run.server) == 0, "%llu connections are left whose clients have ended", (unsigned long long)server_connections(run.server));
        for (size_t i = 0; i < run.n_clients; i++) {
                check_client(&run.clients[i]);
                close_client(&run.clients[i]);
        }
        run.now_ms += REQUEST_TIMEOUT_MS; /* no deadline is later */
        turn();
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
        open_client();
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

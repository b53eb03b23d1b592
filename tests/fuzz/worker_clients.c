#include "worker_clients.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "http/at_once.h"

enum {
        SEND_BUFFER = 4096,  /* bytes: the kernel takes its least */
        IDLE_TURNS_MAX = 40, /* in which nothing is read, sent or closed; some calls are needed to find an end */
        LOOP_STEPS_MAX = 50,
        PIECES_MAX = 24,     /* of one text; the rest of it comes at once: an input may say again where to cut */
        STEP_MS = 1000,
};

struct run run;

/* ---- between the parts ---- */

ssize_t intake_recv(int fd, void *buffer, size_t size, int flags); /* recv() of intake.c, which is compiled under this name */
void *__real_connection_request_line(void *context, const char *target, struct MHD_Connection *mhd);
void *__wrap_connection_request_line(void *context, const char *target, struct MHD_Connection *mhd);
bool __real_at_once_answer(void *context, const struct intake_request *request);
bool __wrap_at_once_answer(void *context, const struct intake_request *request);
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

/* What the library never hears of counts as released and seen, and must be what can be answered so. */
bool __wrap_at_once_answer(void *context, const struct intake_request *request) {
        if (!__real_at_once_answer(context, request))
                return false;
        REQUIRE(request->method_length == 3 && (memcmp(request->method, "GET / ", 6) == 0 || memcmp(request->method, "GET /transfer-data ", 19) == 0),
                "this is not answered at once:\n%.*s", 6, request->method);
        run.n_released++;
        run.n_seen++;
        run.progress++;
        return true;
}

/* Its time is not what is looked for. */
int64_t __wrap_loop_run(uint64_t n, uint32_t seed) {
        return __real_loop_run(n < LOOP_STEPS_MAX ? n : LOOP_STEPS_MAX, seed);
}

/* ---- clients ---- */

bool client_may_lack_body(const struct client *c) {
        return memmem(c->sent, c->n_sent, "HEAD ", 5) != NULL;
}

static void end(struct client *c, bool was_reset) {
        c->has_ended = true;
        c->was_reset = was_reset;
        run.progress++;
        if (!run.is_timed)
                REQUIRE(eye_is_whole(&c->answers, client_may_lack_body(c)), "the connection ends in the middle of an answer");
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
                eye_take(&c->answers, bytes, (size_t)n, client_may_lack_body(c));
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
void clients_turn(void) {
        unsigned int idle = 0;
        uint64_t before = run.progress;
        bool goes_on = true;

        while (goes_on) {
                server_run(run.server, run.now_ms);
                goes_on = look(); /* where clients read what the turn has sent: that is progress, too */
                idle = run.progress == before ? idle + 1 : 0;
                before = run.progress;
                REQUIRE(idle < IDLE_TURNS_MAX, "the loop spins: %u turns in which nothing is read, sent or closed", idle);
        }
}

void clients_open(void) {
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
                clients_turn();
                c->is_full = run.progress == (uint64_t)n;
        }
        c->n_pending -= length;
        memmove(c->pending, c->pending + length, c->n_pending);
}

void client_flush(struct client *c) {
        for (unsigned int i = 0; c->n_pending > 0; i++) {
                bool is_cut = !run.is_whole && run.pieces > 0 && run.pieces < c->n_pending && i < PIECES_MAX;

                send_some(c, is_cut ? run.pieces : c->n_pending);
                if (!run.is_whole)
                        clients_turn();
        }
}

void client_add(struct client *c, const char *bytes, size_t length, size_t times) {
        if (c->n_sent + c->n_pending + length * times > CLIENT_SENT_MAX)
                return;
        if (times > 1 || length == 0)
                memset(c->pending + c->n_pending, bytes[0], times);
        else
                memcpy(c->pending + c->n_pending, bytes, length);
        c->n_pending += length * times;
}

void clients_wait(uint64_t ms) {
        uint64_t until_ms = run.now_ms + ms;

        while (run.now_ms < until_ms) {
                run.now_ms = until_ms - run.now_ms < STEP_MS ? until_ms : run.now_ms + STEP_MS;
                clients_turn();
        }
}

void client_close(struct client *c) {
        if (c->fd < 0)
                return;
        (void)close(c->fd);
        c->fd = -1;
        c->closed_itself = !c->has_ended;
}

void client_half_close(struct client *c) {
        if (c->fd >= 0 && !c->half_closed)
                (void)shutdown(c->fd, SHUT_WR);
        c->half_closed = true;
}

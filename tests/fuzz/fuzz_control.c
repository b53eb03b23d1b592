/* Any bytes from several clients of the control socket, in any pieces: the master's own framing and syntax, with commands that do nothing but
 * say what was understood, or let the client wait. See script.h for what an input says. What must hold: no crash, no turn of the loop that does
 * nothing, one reply, well-formed, to each client that sends a line, and no client or descriptor left. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "act/control.h"
#include "base/log.h"
#include "fuzz.h"
#include "master/control_commands.h"
#include "script.h"

enum { TURNS_MAX = 1000, REPLY_MAX = 1 << 16, SENT_MAX = 1 << 12 };

static struct {
        sd_event *event;
        struct control *control;
        struct sockaddr_un address;
        socklen_t address_size;
        uint64_t n_tickets;
} server;

struct client {
        int fd;
        bool has_ended, half_closed;
        char sent[SENT_MAX], reply[REPLY_MAX];
        size_t n_sent, n_pending, n_reply; /* bytes; those that are pending lie behind those that are sent */
};

static struct client clients[SCRIPT_CLIENTS];
static size_t n_clients, current, pieces;

/* ---- the master ---- */

/* As control_run() finds and reads a command, but what is carried out is the reply. */
static int run_command(void *context, const char *line, const struct control_peer *peer, FILE *to, struct control_ticket *ticket, struct error *e) {
        const struct control_command *c = control_command_table;
        struct control_arguments a;
        const char *rest = NULL;
        int r;

        (void)context;
        REQUIRE(peer->may_change && strlen(line) < CONTROL_COMMAND_MAX && !strchr(line, '\n'), "a line that is none: %s", line);
        while (c->name && !(rest = control_match(line, c->name)))
                c++;
        if (!c->name)
                return error_set(e, -EINVAL, "unknown command");
        r = control_parse(c->name, &c->syntax, rest, &a, e);
        if (r < 0)
                return r;
        REQUIRE(!a.has_number || (a.number >= c->syntax.min && a.number <= c->syntax.max), "the number %llu", (unsigned long long)a.number);
        REQUIRE(c->syntax.text || (!a.has_number && !a.json && !a.now), "arguments of %s", c->name);
        if (c->changes)
                *ticket = (struct control_ticket){ CONTROL_TOPIC_SCALE, ++server.n_tickets };
        else
                (void)fprintf(to, "%s %d %d %llu\n", c->name, a.json, a.now, a.has_number ? (unsigned long long)a.number : 0);
        return 0;
}

/* The socket has a name that the kernel makes up and no file, so that nothing is left of it. */
int LLVMFuzzerInitialize(int *argc, char ***argv) {
        const struct control_commands commands = { .run = run_command };
        const struct control_access access = { .mode = 0600 };
        struct control_state state = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), .path = "" };
        struct error e;

        (void)argc;
        (void)argv;
        log_open(LOG_TARGET_STDERR, LOG_CRIT);
        server.address.sun_family = AF_UNIX;
        server.address_size = sizeof server.address;
        REQUIRE(bind(state.fd, (const struct sockaddr *)&server.address, sizeof server.address.sun_family) == 0 &&
                        getsockname(state.fd, (struct sockaddr *)&server.address, &server.address_size) == 0 && listen(state.fd, SOMAXCONN) == 0,
                "cannot make a socket");
        REQUIRE(sd_event_new(&server.event) >= 0, "cannot make a loop");
        REQUIRE(control_adopt(&state, &access, &server.control, &e) == 0, "%s", e.text);
        REQUIRE(control_attach(server.control, server.event, &commands, &e) == 0, "%s", e.text);
        return 0;
}

/* ---- clients ---- */

static void read_reply(struct client *c) {
        while (c->fd >= 0 && !c->has_ended) {
                ssize_t n = recv(c->fd, c->reply + c->n_reply, REPLY_MAX - c->n_reply, MSG_DONTWAIT);

                if (n < 0 && errno == EAGAIN)
                        return;
                if (n <= 0)
                        c->has_ended = true;
                else
                        c->n_reply += (size_t)n;
                REQUIRE(c->n_reply < REPLY_MAX, "a reply without an end");
        }
}

static void turn(void) {
        unsigned int turns = 0;

        while (sd_event_run(server.event, 0) > 0)
                REQUIRE(++turns < TURNS_MAX, "the loop spins");
        for (size_t i = 0; i < n_clients; i++)
                read_reply(&clients[i]);
}

static void open_client(void) {
        struct client *c = &clients[n_clients];

        if (n_clients == SCRIPT_CLIENTS)
                return;
        *c = (struct client){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
        REQUIRE(c->fd >= 0 && connect(c->fd, (const struct sockaddr *)&server.address, server.address_size) == 0, "cannot connect");
        current = n_clients++;
        turn();
}

static void flush(struct client *c) {
        while (c->n_pending > 0) {
                size_t n = pieces > 0 && pieces < c->n_pending ? pieces : c->n_pending;

                if (c->fd < 0 || c->half_closed || send(c->fd, c->sent + c->n_sent, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n) {
                        c->n_pending = 0; /* it is refused, or answered, already */
                        return;
                }
                c->n_sent += n;
                c->n_pending -= n;
                turn();
        }
}

static void add(struct client *c, const char *bytes, size_t length, bool repeats) {
        if (length > SENT_MAX - c->n_sent - c->n_pending)
                return;
        for (size_t i = 0; i < length; i++)
                c->sent[c->n_sent + c->n_pending++] = bytes[repeats ? 0 : i];
}

static void take(const struct step *step) {
        struct client *c = &clients[current];

        if (step->kind == STEP_TEXT || step->kind == STEP_REPEAT) {
                add(c, step->text, step->length, step->kind == STEP_REPEAT);
                return;
        }
        if (step->kind == STEP_PIECES)
                pieces = step->length;
        if (step->kind == STEP_CHOOSE)
                current = step->length < n_clients ? step->length : current;
        flush(c);
        if (step->kind == STEP_OPEN)
                open_client();
        if (step->kind == STEP_HALF_CLOSE && c->fd >= 0) {
                (void)shutdown(c->fd, SHUT_WR);
                c->half_closed = true;
        }
        if (step->kind == STEP_CLOSE && c->fd >= 0) {
                (void)close(c->fd);
                c->fd = -1;
        }
        if (step->kind == STEP_DRAIN && server.n_tickets > 0) {
                const struct control_ticket ticket = { CONTROL_TOPIC_SCALE, server.n_tickets };

                (c->n_sent % 2 ? control_finish : control_finish_only)(server.control, ticket, c->n_sent % 3, "it is done");
        }
        turn();
}

static void check_reply(const struct client *c) {
        REQUIRE(c->n_reply == 0 || (c->n_reply >= 4 && c->reply[c->n_reply - 1] == '\n'), "half a reply");
        REQUIRE(c->n_reply == 0 || memcmp(c->reply, "ok\n", 3) == 0 || memcmp(c->reply, "error: ", 7) == 0, "a reply that is none");
        REQUIRE(c->n_reply == 0 || memchr(c->sent, '\n', c->n_sent), "a reply without a line");
        REQUIRE(c->n_reply < 8 || !memmem(c->reply + 3, c->n_reply - 3, "ok\n", 3), "two replies");
}

static void end_clients(void) {
        int fds[SCRIPT_CLIENTS];

        for (size_t i = 0; i < n_clients; i++)
                flush(&clients[i]);
        control_finish(server.control, (struct control_ticket){ CONTROL_TOPIC_SCALE, server.n_tickets }, true, "it is done");
        turn();
        for (size_t i = 0; i < n_clients; i++) {
                struct client *c = &clients[i];

                check_reply(c);
                /* One that goes on to talk may be dropped. */
                if (c->fd >= 0 && !c->half_closed && c->n_sent < CONTROL_COMMAND_MAX && c->n_sent > 0 &&
                    memchr(c->sent, '\n', c->n_sent) == c->sent + c->n_sent - 1)
                        REQUIRE(c->n_reply > 0 && c->has_ended, "a line is not answered");
                (void)(c->fd >= 0 && close(c->fd));
        }
        n_clients = 0;
        turn();
        REQUIRE(control_list_waiting(server.control, CONTROL_TOPIC_SCALE, fds, SCRIPT_CLIENTS) == 0, "a client is left that has gone");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        struct script script = { (const char *)bytes, (const char *)bytes + length };
        struct step step;
        int before = fuzz_free_descriptor();

        current = pieces = 0;
        open_client();
        while (script_next(&script, &step))
                take(&step);
        end_clients();
        REQUIRE(fuzz_free_descriptor() == before, "descriptors are left open");
        return 0;
}

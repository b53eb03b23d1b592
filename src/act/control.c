#include "act/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/accept_pause.h"
#include "base/fd.h"
#include "base/log.h"

struct client {
        struct control *control;
        struct client *next;
        int fd;
        sd_event_source *io, *timer;
        char command[CONTROL_COMMAND_MAX];
        char *reply; /* from open_memstream() */
        size_t reply_length, reply_sent;
        struct control_peer peer;
        struct control_ticket ticket; /* what it waits for */
};

struct control {
        char *path;
        int fd;
        dev_t device; /* of the socket file, to remove only our own */
        ino_t inode;
        sd_event_source *io;
        struct accept_pause pause;
        struct control_access access;
        struct control_commands commands;
        struct client *clients;
        unsigned int n_clients;
};

static int make_directory(const char *path, struct error *e) {
        char directory[sizeof ((struct sockaddr_un *)0)->sun_path];
        char *slash;

        (void)snprintf(directory, sizeof directory, "%s", path);
        slash = strrchr(directory, '/');
        if (!slash || slash == directory)
                return 0;
        *slash = '\0';
        if (mkdir(directory, 0755) < 0 && errno != EEXIST)
                return control_explain(CONTROL_STEP_DIRECTORY, directory, errno, e);
        return 0;
}

static int remove_stale(const char *path, struct error *e) {
        struct control_place place;
        int r = control_examine(path, &place, e);

        if (r < 0)
                return r;
        if (place.owner > 0)
                return error_set(e, -EADDRINUSE,
                                 "%s: process %d answers on this control socket: stop it, or set another [admin] control", path,
                                 (int)place.owner);
        if (place.exists && unlink(path) < 0)
                return control_explain(CONTROL_STEP_REMOVE, path, errno, e);
        return 0;
}

static int bind_socket(struct control *control, struct error *e) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        struct stat st;
        mode_t mask;
        int r;

        strncpy(address.sun_path, control->path, sizeof address.sun_path - 1);
        control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (control->fd < 0)
                return error_set_errno(e, errno, "cannot make the control socket");
        mask = umask(0177);
        r = bind(control->fd, (struct sockaddr *)&address, sizeof address);
        (void)umask(mask);
        if (r < 0)
                return control_explain(CONTROL_STEP_MAKE, control->path, errno, e);
        if (stat(control->path, &st) < 0)
                return control_explain(CONTROL_STEP_EXAMINE, control->path, errno, e);
        control->device = st.st_dev; /* from here on control_free() removes it */
        control->inode = st.st_ino;
        r = control_access_apply(&control->access, control->path, e);
        if (r < 0)
                return r;
        if (listen(control->fd, SOMAXCONN) < 0)
                return error_set_errno(e, errno, "%s: cannot listen on the control socket", control->path);
        return 0;
}

int control_open(const char *path, const struct control_access *access, struct control **ret, struct error *e) {
        struct control *control;
        int r = control_check_path(path, e);

        if (r == 0)
                r = make_directory(path, e);
        if (r == 0)
                r = remove_stale(path, e);
        if (r < 0)
                return r;
        control = calloc(1, sizeof *control);
        if (!control || !(control->path = strdup(path))) {
                free(control);
                return error_set_errno(e, ENOMEM, "cannot keep the control socket");
        }
        control->fd = -1;
        control->access = *access;
        r = bind_socket(control, e);
        if (r < 0) {
                control_free(control);
                return r;
        }
        *ret = control;
        return 0;
}

static void client_free(struct client *client) {
        struct client **link = &client->control->clients;

        while (*link != client)
                link = &(*link)->next;
        *link = client->next;
        client->control->n_clients--;
        sd_event_source_unref(client->io);
        sd_event_source_unref(client->timer);
        (void)fd_close(client->fd);
        free(client->reply);
        free(client);
}

struct control *control_free(struct control *control) {
        struct stat st;

        if (!control)
                return NULL;
        while (control->clients)
                client_free(control->clients);
        sd_event_source_unref(control->io);
        accept_pause_deinit(&control->pause);
        (void)fd_close(control->fd);
        if (control->inode != 0 && lstat(control->path, &st) == 0 && st.st_dev == control->device && st.st_ino == control->inode &&
            unlink(control->path) < 0)
                log_message(LOG_WARNING, "%s: cannot remove the control socket: %m", control->path);
        free(control->path);
        free(control);
        return NULL;
}

static int set_reply(struct client *client, bool ok, const char *text) {
        int n = asprintf(&client->reply, "%s%s\n", ok ? "ok\n" : "error: ", text);

        if (n < 0) {
                client->reply = NULL;
                return -ENOMEM;
        }
        client->reply_length = (size_t)n;
        return 0;
}

/* The reply to a whole line, unless it is a command that takes time: the client has a ticket then. */
static int answer(struct client *client) {
        const struct control_commands *commands = &client->control->commands;
        struct error e;
        FILE *to = open_memstream(&client->reply, &client->reply_length);
        int r;

        if (!to)
                return -ENOMEM;
        (void)fputs("ok\n", to);
        r = commands->run(commands->context, client->command, &client->peer, to, &client->ticket, &e);
        if (fclose(to) != 0)
                return -ENOMEM;
        if (r == 0 && client->ticket.topic == CONTROL_TOPIC_NONE)
                return 0;
        free(client->reply); /* nothing but "ok", or what an error has overtaken */
        client->reply = NULL;
        return r < 0 ? set_reply(client, false, e.text) : 0;
}

/* Returns 1 when a whole line is there, 0 when not yet, negative when the client is to be dropped. What comes before the end of the line stays
 * in the kernel, where the next program finds it after an upgrade. */
static int read_command(struct client *client, uint32_t events) {
        ssize_t n = recv(client->fd, client->command, sizeof client->command, MSG_DONTWAIT | MSG_PEEK);
        char *end;

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        end = memchr(client->command, '\n', (size_t)n);
        if (!end && (events & (EPOLLHUP | EPOLLRDHUP)))
                return -ECONNRESET;
        if (!end)
                return (size_t)n < sizeof client->command ? 0 : -E2BIG;
        if (recv(client->fd, client->command, (size_t)n, MSG_DONTWAIT) != n)
                return -EIO;
        *end = '\0';
        if (strlen(client->command) != (size_t)(end - client->command)) /* what stands before a NUL is not the command */
                client->command[0] = '\0';
        return 1;
}

/* Returns 1 when all is sent, 0 when not yet, negative when the client is to be dropped. */
static int send_reply(struct client *client) {
        while (client->reply_sent < client->reply_length) {
                ssize_t n = send(client->fd, client->reply + client->reply_sent, client->reply_length - client->reply_sent,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0)
                        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                client->reply_sent += (size_t)n;
        }
        return 1;
}

/* Something happened on the socket of a client whose command runs: it has left, or talks out of turn. */
static int check_waiting(struct client *client) {
        char byte;
        ssize_t n = recv(client->fd, &byte, 1, MSG_DONTWAIT);

        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
}

static int on_client(sd_event_source *source, int fd, uint32_t events, void *context) {
        struct client *client = context;
        int r = 0;

        (void)fd;
        if (client->ticket.topic != CONTROL_TOPIC_NONE)
                r = check_waiting(client);
        else if (!client->reply) {
                r = read_command(client, events);
                if (r == 1) {
                        r = answer(client);
                        if (r == 0 && client->ticket.topic != CONTROL_TOPIC_NONE)
                                r = sd_event_source_set_enabled(client->timer, SD_EVENT_OFF);
                        else if (r == 0)
                                r = sd_event_source_set_io_events(source, EPOLLOUT);
                }
        }
        if (r == 0 && client->reply)
                r = send_reply(client);
        if (r != 0)
                client_free(client);
        return 0; /* a negative value would disable the source */
}

/* Sends what the socket takes at once, as the loop may be about to end; for the rest the client has CONTROL_CLIENT_MS from now on. */
static int reply_late(struct client *client, bool ok, const char *text) {
        int r = set_reply(client, ok, text);

        client->ticket = (struct control_ticket){ 0 };
        if (r == 0)
                r = send_reply(client);
        if (r != 0)
                return r;
        r = sd_event_source_set_io_events(client->io, EPOLLOUT);
        if (r >= 0)
                r = sd_event_source_set_time_relative(client->timer, (uint64_t)CONTROL_CLIENT_MS * 1000);
        return r < 0 ? r : sd_event_source_set_enabled(client->timer, SD_EVENT_ONESHOT);
}

static void finish(struct control *control, struct control_ticket ticket, bool earlier_too, bool ok, const char *text) {
        struct client *next;

        for (struct client *client = control->clients; client; client = next) {
                const struct control_ticket *has = &client->ticket;

                next = client->next;
                if (has->topic == ticket.topic && (earlier_too ? has->number <= ticket.number : has->number == ticket.number) &&
                    reply_late(client, ok, text) != 0)
                        client_free(client);
        }
}

void control_finish(struct control *control, struct control_ticket ticket, bool ok, const char *text) {
        finish(control, ticket, true, ok, text);
}

void control_finish_only(struct control *control, struct control_ticket ticket, bool ok, const char *text) {
        finish(control, ticket, false, ok, text);
}

static int on_client_timeout(sd_event_source *source, uint64_t usec, void *context) {
        (void)source;
        (void)usec;
        client_free(context);
        return 0;
}

/* Returns NULL, and has closed `fd`, if it cannot be served. */
static struct client *add_client(struct control *control, sd_event *event, int fd) {
        struct client *client = calloc(1, sizeof *client);
        int r;

        if (!client) {
                (void)fd_close(fd);
                return NULL;
        }
        client->control = control;
        client->fd = fd;
        client->next = control->clients;
        control->clients = client;
        control->n_clients++;
        r = control_access_identify(&control->access, fd, &client->peer);
        if (r >= 0)
                r = sd_event_add_io(event, &client->io, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, on_client, client); /* what is left unread is no event */
        if (r >= 0)
                r = sd_event_add_time_relative(event, &client->timer, CLOCK_MONOTONIC, (uint64_t)CONTROL_CLIENT_MS * 1000, 100000,
                                               on_client_timeout, client);
        if (r < 0) {
                log_message(LOG_WARNING, "cannot serve a client of the control socket: %s", strerror(-r));
                client_free(client);
                return NULL;
        }
        return client;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *context) {
        static const char busy[] = "error: too many clients at once\n";
        struct control *control = context;
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        (void)events;
        if (client < 0) {
                accept_pause_on_error(&control->pause, errno);
                return 0; /* the master does not stop for that */
        }
        if (control->n_clients >= CONTROL_CLIENTS_MAX) {
                if (send(client, busy, sizeof busy - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                        log_message(LOG_DEBUG, "a client of the control socket left at once");
                (void)fd_close(client);
                return 0;
        }
        (void)add_client(control, sd_event_source_get_event(source), client);
        return 0;
}

int control_attach(struct control *control, sd_event *event, const struct control_commands *commands, struct error *e) {
        int r;

        control->commands = *commands;
        r = sd_event_add_io(event, &control->io, control->fd, EPOLLIN, on_connection, control);
        if (r >= 0)
                r = accept_pause_init(&control->pause, event, &control->io, 1, "control socket");
        return r < 0 ? error_set_errno(e, -r, "cannot watch the control socket") : 0;
}

/* ---- handing over to another program ---- */

struct control_state control_describe(const struct control *control) {
        return (struct control_state){ control->fd, control->path, control->device, control->inode };
}

int control_adopt(const struct control_state *state, const struct control_access *access, struct control **ret, struct error *e) {
        struct control *control = calloc(1, sizeof *control);

        if (!control || !(control->path = strdup(state->path))) {
                free(control);
                return error_set_errno(e, ENOMEM, "cannot keep the control socket");
        }
        control->fd = state->fd;
        control->access = *access;
        control->device = state->device;
        control->inode = state->inode;
        *ret = control;
        return 0;
}

size_t control_list_waiting(const struct control *control, enum control_topic topic, int *fds, size_t max) {
        size_t n = 0;

        for (const struct client *client = control->clients; client && n < max; client = client->next)
                if (client->ticket.topic == topic && !client->reply)
                        fds[n++] = client->fd;
        return n;
}

void control_adopt_waiting(struct control *control, int fd, struct control_ticket ticket) {
        struct client *client = add_client(control, sd_event_source_get_event(control->io), fd);

        if (!client)
                return;
        client->ticket = ticket;
        if (ticket.topic != CONTROL_TOPIC_NONE && sd_event_source_set_enabled(client->timer, SD_EVENT_OFF) < 0)
                client_free(client);
}

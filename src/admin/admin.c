#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "admin/admin_internal.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "gate/refusal.h"
#include "mhd/library.h"

/* ---- clients ---- */

static struct admin_client *find_client(struct admin *admin, const struct MHD_Connection *mhd) {
        for (size_t i = 0; i < ADMIN_CLIENTS_MAX; i++)
                if (admin->clients[i].mhd == mhd)
                        return &admin->clients[i];
        return NULL;
}

static void open_client(struct admin_client *client, struct MHD_Connection *mhd) {
        uint64_t now_ms = clock_monotonic_ms();
        int fd = library_socket(mhd);
        struct admin *admin = client->admin;

        if (intake_open(&client->intake, fd, &admin->intake_owner, client) < 0) {
                intake_refuse(fd);
                return;
        }
        client->mhd = mhd;
        client->fd = fd;
        client->since_ms = now_ms;
        client->deadline_ms = now_ms + ADMIN_CLIENT_MS;
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context, enum MHD_ConnectionNotificationCode code) {
        struct admin *admin = context;
        struct admin_client *client = find_client(admin, code == MHD_CONNECTION_NOTIFY_STARTED ? NULL : mhd);

        (void)socket_context;
        if (!client) {
                if (code == MHD_CONNECTION_NOTIFY_STARTED)
                        intake_refuse(library_socket(mhd));
                return;
        }
        if (code != MHD_CONNECTION_NOTIFY_STARTED) {
                if (client->linger || client->is_answered) {
                        linger_add(admin->linger, client->fd, clock_monotonic_ms());
                        linger_keep(admin->linger, LINGER_MAX);
                }
                intake_close(&client->intake);
        }
        *client = (struct admin_client){ .admin = admin };
        if (code == MHD_CONNECTION_NOTIFY_STARTED)
                open_client(client, mhd);
}

static void hang_up(struct admin_client *client) {
        library_hang_up(client->fd);
        client->deadline_ms = UINT64_MAX;
}

/* ---- requests ---- */

static void on_begun(void *context, const struct intake_request *request) {
        (void)context;
        (void)request;
}

static void on_refused(void *context, const struct gate_refusal *refusal, bool is_head, const struct intake_request *request) {
        struct admin_client *client = context;
        size_t body_bytes;

        (void)request;
        if (refusal->silence != GATE_ANSWERABLE)
                return;
        client->linger = true;
        (void)refusal_send(client->fd, refusal->status, refusal->detail, is_head, &body_bytes);
}

/* Nothing is served that has not come through the gate. */
static void *on_request_line(void *context, const char *target, struct MHD_Connection *mhd) {
        struct admin_client *client = find_client(context, mhd);
        char memory[TARGET_PATH_MAX];
        const char *path;
        size_t length;

        (void)target; /* the gate's, which is always "/" */
        if (!client || client->intake.n_serving == 0)
                return NULL;
        path = target_path(intake_request(&client->intake).target, memory, &length);
        (void)snprintf(client->path, sizeof client->path, "%.*s", (int)length, path);
        return client;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *mhd, const char *path, const char *method, const char *version,
                                 const char *body, size_t *body_size, void **request_context) {
        struct admin_client *client = *request_context;

        (void)context;
        (void)mhd;
        (void)path;
        (void)version;
        (void)body;
        (void)body_size;
        if (!client || client->is_answered)
                return MHD_NO;
        if (!client->has_head) {
                client->has_head = true;
                return MHD_YES;
        }
        client->is_answered = true;
        return admin_answer(client, method);
}

static int start_library(struct admin *admin, struct error *e) {
        const struct library_parts parts = { .who = "admin: ",
                                             .connections_max = ADMIN_CLIENTS_MAX,
                                             .connection_memory_bytes = intake_library_memory(ADMIN_ANSWER_HEAD_MAX),
                                             .on_access = on_access,
                                             .on_connection = on_connection,
                                             .on_request_line = on_request_line,
                                             .context = admin };

        return library_start(&parts, &admin->mhd, e);
}

/* ---- the loop ---- */

/* Serves what is ready and sets the timer for what is not. */
static int turn(struct admin *admin) {
        uint64_t now_ms = clock_monotonic_ms(), next_ms;
        int r;

        for (size_t i = 0; i < ADMIN_CLIENTS_MAX; i++)
                if (admin->clients[i].mhd && admin->clients[i].deadline_ms <= now_ms)
                        hang_up(&admin->clients[i]);
        (void)MHD_run(admin->mhd);
        linger_run(admin->linger, now_ms);
        next_ms = linger_deadline_ms(admin->linger);
        for (size_t i = 0; i < ADMIN_CLIENTS_MAX; i++)
                if (admin->clients[i].mhd && admin->clients[i].deadline_ms < next_ms)
                        next_ms = admin->clients[i].deadline_ms;
        next_ms = library_due_ms(admin->mhd, now_ms, next_ms);
        if (next_ms == UINT64_MAX)
                return sd_event_source_set_enabled(admin->timer, SD_EVENT_OFF);
        r = sd_event_source_set_time(admin->timer, next_ms * 1000);
        return r < 0 ? r : sd_event_source_set_enabled(admin->timer, SD_EVENT_ONESHOT);
}

/* An error would leave the endpoint deaf but the daemon must go on. */
static int turn_or_complain(struct admin *admin) {
        int r = turn(admin);

        if (r < 0)
                log_message(LOG_ERR, "the admin endpoint cannot set its timer: %s", strerror(-r));
        return 0;
}

static int on_library(sd_event_source *source, int fd, uint32_t events, void *context) {
        (void)source;
        (void)fd;
        (void)events;
        return turn_or_complain(context);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context) {
        (void)source;
        (void)usec;
        return turn_or_complain(context);
}

/* Who waits for the end of a request before who is being answered, and then the oldest. */
static void make_room(struct admin *admin) {
        struct admin_client *oldest = NULL;

        for (size_t i = 0; i < ADMIN_CLIENTS_MAX; i++) {
                struct admin_client *c = &admin->clients[i];

                if (!c->mhd)
                        return;
                if (!oldest || (oldest->is_answered && !c->is_answered) ||
                    (oldest->is_answered == c->is_answered && c->since_ms < oldest->since_ms))
                        oldest = c;
        }
        hang_up(oldest);
        for (int turns = 0; turns < 3 && oldest->mhd; turns++) /* the library reads the end of the stream, then cleans up */
                (void)MHD_run(admin->mhd);
}

static int on_listener(sd_event_source *source, int fd, uint32_t events, void *context) {
        struct admin *admin = context;
        struct sockaddr_storage peer = { 0 };
        socklen_t peer_size = sizeof peer;
        int client = accept4(fd, (struct sockaddr *)&peer, &peer_size, SOCK_NONBLOCK | SOCK_CLOEXEC);

        (void)source;
        (void)events;
        if (client < 0) {
                accept_pause_on_error(&admin->pause, errno);
                return 0; /* the master does not stop for that */
        }
        make_room(admin);
        /* On failure the library has closed the socket and said why at debug level. */
        (void)MHD_add_connection(admin->mhd, client, (struct sockaddr *)&peer, peer_size);
        return turn_or_complain(admin);
}

/* ---- begin and end ---- */

static struct admin *make(bool any_host, struct error *e) {
        struct admin *admin = calloc(1, sizeof *admin);

        if (!admin) {
                (void)error_set_errno(e, ENOMEM, "cannot make the admin endpoint");
                return NULL;
        }
        admin->any_host = any_host;
        for (size_t i = 0; i < LISTEN_MAX; i++)
                admin->fds[i] = -1;
        return admin;
}

int admin_new(const int *fds, size_t n, bool any_host, struct admin **ret, struct error *e) {
        struct admin *admin;

        if (n > LISTEN_MAX)
                return error_set(e, -E2BIG, "more than %d sockets for the admin endpoint", LISTEN_MAX);
        admin = make(any_host, e);
        if (!admin)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                struct listen_address *address = &admin->addresses.at[i];
                socklen_t size = sizeof address->socket;

                if (getsockname(fds[i], &address->socket.any, &size) < 0 ||
                    (address->socket.any.sa_family != AF_INET && address->socket.any.sa_family != AF_INET6)) {
                        free(admin); /* the sockets are still the caller's */
                        return error_set(e, -EINVAL, "descriptor %d is no socket for the admin endpoint", fds[i]);
                }
                address->size = size;
        }
        admin->addresses.n = n;
        memcpy(admin->fds, fds, n * sizeof *fds);
        *ret = admin;
        return 0;
}

const int *admin_fds(const struct admin *admin) {
        return admin->fds;
}

const struct listen_list *admin_addresses(const struct admin *admin) {
        return &admin->addresses;
}

static int watch(struct admin *admin) {
        int r = sd_event_add_io(admin->event, &admin->library, library_epoll_fd(admin->mhd), EPOLLIN, on_library, admin);

        if (r >= 0)
                r = sd_event_source_set_priority(admin->library, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_add_io(admin->event, &admin->lingering, linger_fd(admin->linger), EPOLLIN, on_library, admin);
        if (r >= 0)
                r = sd_event_source_set_priority(admin->lingering, SD_EVENT_PRIORITY_IDLE);
        if (r >= 0)
                r = sd_event_add_time(admin->event, &admin->timer, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_timer, admin);
        if (r >= 0)
                r = sd_event_source_set_priority(admin->timer, SD_EVENT_PRIORITY_IDLE);
        for (size_t i = 0; r >= 0 && i < admin->addresses.n; i++) {
                r = sd_event_add_io(admin->event, &admin->listeners[i], admin->fds[i], EPOLLIN, on_listener, admin);
                if (r >= 0)
                        r = sd_event_source_set_priority(admin->listeners[i], SD_EVENT_PRIORITY_IDLE);
        }
        return r < 0 ? r : accept_pause_init(&admin->pause, admin->event, admin->listeners, LISTEN_MAX, "admin endpoint");
}

int admin_attach(struct admin *admin, sd_event *event, const struct admin_view *view, struct error *e) {
        int r;

        admin->view = *view;
        admin->event = event;
        admin->intake_owner = (struct intake_owner){ .limits = { .head_bytes = ADMIN_HEAD_MAX, .body_bytes = ADMIN_BODY_MAX, .keeps_fields = true },
                                                     .begun = on_begun,
                                                     .refused = on_refused };
        if (intake_prepare(&admin->intake_owner) < 0)
                return error_set_errno(e, ENOMEM, "cannot make the admin endpoint");
        r = linger_new(&admin->linger, e);
        if (r < 0)
                return r;
        r = start_library(admin, e);
        if (r < 0)
                return r;
        r = watch(admin);
        return r < 0 ? error_set_errno(e, -r, "cannot watch the sockets of the admin endpoint") : 0;
}

struct admin *admin_free(struct admin *admin) {
        if (!admin)
                return NULL;
        for (size_t i = 0; i < LISTEN_MAX; i++)
                sd_event_source_unref(admin->listeners[i]);
        sd_event_source_unref(admin->library);
        sd_event_source_unref(admin->lingering);
        sd_event_source_unref(admin->timer);
        accept_pause_deinit(&admin->pause);
        if (admin->mhd)
                MHD_stop_daemon(admin->mhd);
        linger_free(admin->linger);
        for (size_t i = 0; i < LISTEN_MAX; i++)
                (void)fd_close(admin->fds[i]);
        free(admin);
        return NULL;
}

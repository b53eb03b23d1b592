#include "act/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/log.h"

struct message {
        struct message *next;
        int fd; /* a copy; -1: none */
        char text[];
};

static struct {
        struct message *first, **end;
        size_t n;
        sd_event *event;
        sd_event_source *timer;
        bool is_stuck; /* and that is said */
} box;

static const char *address_text(void) {
        const char *text = getenv("NOTIFY_SOCKET");

        return text && *text ? text : NULL;
}

static int find_address(const char *text, struct sockaddr_un *address, socklen_t *size) {
        size_t length = strlen(text);

        *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (*text != '/' && *text != '@')
                return -EAFNOSUPPORT;
        if (length >= sizeof address->sun_path)
                return -ENAMETOOLONG;
        memcpy(address->sun_path, text, length + 1);
        if (*text == '@')
                address->sun_path[0] = '\0';
        *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*text == '/'));
        return 0;
}

/* Never waits. */
static int send_now(const char *text, int fd) {
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = { .header = { .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
        const char *where = address_text();
        struct sockaddr_un address;
        struct iovec data = { (char *)text, strlen(text) };
        struct msghdr header = { .msg_name = &address, .msg_iov = &data, .msg_iovlen = 1 };
        int r, from;

        if (!where)
                return 0;
        r = find_address(where, &address, &header.msg_namelen);
        if (r < 0)
                return r;
        if (fd >= 0) {
                memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
                header.msg_control = &control;
                header.msg_controllen = sizeof control;
        }
        from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (from < 0)
                return -errno;
        r = sendmsg(from, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
        (void)fd_close(from);
        return r;
}

/* Whether it may be different later. */
static bool may_pass(int r) {
        return r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EINTR;
}

/* Unlinks and frees *at. */
static void forget(struct message **at) {
        struct message *m = *at;

        *at = m->next;
        if (box.end == &m->next)
                box.end = at;
        (void)fd_close(m->fd);
        free(m);
        box.n--;
}

static void say(bool is_stuck) {
        if (is_stuck == box.is_stuck)
                return;
        box.is_stuck = is_stuck;
        if (is_stuck)
                log_message(LOG_WARNING, "systemd, or whoever has $NOTIFY_SOCKET, does not read what it is told: what matters is said again, the rest is not");
        else
                log_message(LOG_NOTICE, "$NOTIFY_SOCKET is read again");
}

/* Sends what is kept, as far as it goes. */
static int flush(void) {
        int r = 0;

        while (box.first && !may_pass(r = send_now(box.first->text, box.first->fd))) {
                if (r < 0)
                        log_message(LOG_WARNING, "cannot notify systemd: %s", strerror(-r));
                forget(&box.first);
        }
        if (!box.first)
                say(false);
        return box.first ? r : 0;
}

static void retry_later(void) {
        int r = 0;

        if (box.timer && box.first)
                r = sd_event_source_set_time_relative(box.timer, OUTBOX_RETRY_MS * UINT64_C(1000));
        if (r >= 0 && box.timer)
                r = sd_event_source_set_enabled(box.timer, box.first ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
        if (r < 0)
                log_message(LOG_WARNING, "cannot notify systemd later: %s", strerror(-r));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *context) {
        (void)source;
        (void)usec;
        (void)context;
        (void)flush();
        retry_later();
        return 0;
}

static int keep_message(const char *text, int fd) {
        struct message *m = malloc(sizeof *m + strlen(text) + 1);

        if (!m)
                return -ENOMEM;
        m->next = NULL;
        m->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0 && m->fd < 0) {
                int r = -errno;

                free(m);
                return r;
        }
        memcpy(m->text, text, strlen(text) + 1);
        if (!box.first)
                box.end = &box.first;
        *box.end = m;
        box.end = &m->next;
        if (++box.n > OUTBOX_KEPT_MAX)
                forget(&box.first);
        retry_later();
        return 0;
}

int outbox_attach(sd_event *event, struct error *e) {
        int r = sd_event_add_time_relative(event, &box.timer, CLOCK_MONOTONIC, 0, 50000, on_timer, NULL);

        if (r < 0)
                return error_set_errno(e, -r, "cannot keep systemd informed");
        box.event = event;
        return 0;
}

void outbox_detach(void) {
        (void)flush();
        while (box.first)
                forget(&box.first);
        box.timer = sd_event_source_unref(box.timer);
        box.event = NULL;
}

int outbox_send(const char *text, int fd, bool keep) {
        int r = flush(); /* in order */

        if (!box.first)
                r = send_now(text, fd);
        if (!may_pass(r))
                return r;
        say(true);
        return keep ? keep_message(text, fd) : -EAGAIN;
}

void outbox_cancel(const char *text) {
        for (struct message **at = &box.first; *at;)
                if (strcmp((*at)->text, text) == 0)
                        forget(at);
                else
                        at = &(*at)->next;
}

size_t outbox_waiting(void) {
        return box.n;
}

sd_event *outbox_event(void) {
        return box.event;
}

#include "ctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

const char *client_default_socket(char *text, size_t size) {
        const char *from_environment = getenv("RESTMARK_CONTROL"), *runtime = getenv("XDG_RUNTIME_DIR");

        if (from_environment && *from_environment)
                return from_environment;
        if (geteuid() != 0 && runtime && *runtime == '/') {
                (void)snprintf(text, size, "%s/restmark/control.sock", runtime);
                if (access(text, F_OK) == 0)
                        return text;
        }
        return "/run/restmark/control.sock";
}

static int dial(const char *path, struct error *e) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        const struct timeval patience = { .tv_sec = CLIENT_CONNECT_MS / 1000 };
        int fd, errnum;

        if (strlen(path) >= sizeof address.sun_path)
                return error_set(e, -ENAMETOOLONG, "%s: a Unix socket's path can have %zu bytes", path, sizeof address.sun_path - 1);
        strncpy(address.sun_path, path, sizeof address.sun_path - 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return error_set_errno(e, errno, "cannot make a socket");
        /* For connect(), which waits while the daemon's queue is full, and for send(). */
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0)
                errnum = errno;
        else if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
                return fd;
        else
                errnum = errno;
        (void)fd_close(fd);
        if (errnum == ENOENT || errnum == ECONNREFUSED)
                return error_set(e, -errnum,
                                 "no restmarkd answers on %s: is it running, and is this its [admin] control? (-s says another)", path);
        if (errnum == EAGAIN) /* not -ETIMEDOUT, as nothing was sent: nothing goes on */
                return error_set(e, -EHOSTDOWN, "%s: the daemon does not answer within %d s", path, CLIENT_CONNECT_MS / 1000);
        return error_set_errno(e, errnum, "%s", path);
}

/* Reads to the end of the stream. A reset is an end too: what came before it is the reply. */
static int read_reply(int fd, uint64_t timeout_ms, FILE *to, struct error *e) {
        uint64_t deadline_ms = timeout_ms ? clock_monotonic_ms() + timeout_ms : UINT64_MAX;
        char chunk[65536];

        for (;;) {
                struct pollfd wait = { .fd = fd, .events = POLLIN };
                uint64_t now_ms = clock_monotonic_ms();
                ssize_t n;

                if (now_ms >= deadline_ms || poll(&wait, 1, timeout_ms ? (int)(deadline_ms - now_ms) : -1) == 0)
                        return error_set(e, -ETIMEDOUT, "the daemon does not answer within %.3g s", (double)timeout_ms / 1000);
                n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT);
                if (n == 0 || (n < 0 && errno == ECONNRESET))
                        return 0;
                if (n > 0)
                        (void)fwrite(chunk, 1, (size_t)n, to);
                else if (errno != EAGAIN && errno != EINTR)
                        return error_set_errno(e, errno, "cannot read the reply");
        }
}

/* Of the process that listens: the kernel notes it at listen(). */
static int find_master(int fd) {
        struct ucred master;
        socklen_t size = sizeof master;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &master, &size) < 0)
                return -1;
        return (int)syscall(SYS_pidfd_open, master.pid, 0);
}

static void split(struct client_reply *reply) {
        static const char ok[] = "ok\n", error[] = "error: ";

        reply->text = reply->memory;
        reply->ok = strncmp(reply->text, ok, sizeof ok - 1) == 0;
        if (reply->ok)
                reply->text += sizeof ok - 1;
        else if (strncmp(reply->text, error, sizeof error - 1) == 0)
                reply->text += sizeof error - 1;
}

int client_ask(const char *path, const char *line, uint64_t timeout_ms, int *ret_master, struct client_reply *ret, struct error *e) {
        struct client_reply reply = { 0 };
        size_t size;
        FILE *to;
        int fd = dial(path, e), r = 0;

        if (fd < 0)
                return fd;
        to = open_memstream(&reply.memory, &size);
        if (!to) {
                (void)fd_close(fd);
                return error_set_errno(e, ENOMEM, "cannot keep the reply");
        }
        if (ret_master)
                *ret_master = find_master(fd);
        /* A daemon that turns a client away closes at once: then there is something to read all the same. */
        if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
                r = error_set_errno(e, errno, "cannot send the command");
        else
                r = read_reply(fd, timeout_ms, to, e);
        if (fclose(to) != 0 && r == 0)
                r = error_set_errno(e, ENOMEM, "cannot keep the reply");
        (void)fd_close(fd);
        if (r == 0 && size > 0 && reply.memory[size - 1] != '\n') /* all replies end with a line's end */
                r = error_set(e, -EIO, "the daemon's reply is cut off: a client has 5 s to read it; ask again");
        if (r < 0) {
                free(reply.memory);
                return r;
        }
        split(&reply);
        *ret = reply;
        return 0;
}

void client_reply_free(struct client_reply *reply) {
        free(reply->memory);
        *reply = (struct client_reply){ 0 };
}

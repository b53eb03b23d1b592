/*
 * The reverse proxy that would pipeline: many clients, one connection to the server, on which all requests are sent at once, and answers go
 * back in their order. For requests without a body and answers with a Content-Length; whatever else comes ends it, with a sentence.
 *
 *   funnel --listen PORT --to PORT      (both on 127.0.0.1)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        CLIENTS_MAX = 1024,
        REQUEST_BYTES = 8192,  /* of a client's that is not whole */
        READ_BYTES = 65536,
        WAITING_MAX = 1 << 16, /* requests that are not answered; a power of two */
        EVENTS_PER_WAIT = 256,
};

struct buffer {
        char *bytes;
        size_t n, room;
};

/* A peer: the server, or a client. A client's number is never used again, so that an answer to one that has left goes to nobody. */
struct peer {
        int fd;
        uint64_t number;
        bool wants_room;
        struct buffer in, out;
};

static struct peer server, clients[CLIENTS_MAX];
static uint64_t waiting[WAITING_MAX]; /* the numbers of the clients whose answers come next */
static uint64_t first_waiting, n_asked;
static uint64_t n_clients; /* ever */
static int epoll_fd, listen_fd;

static void append(struct buffer *b, const char *bytes, size_t n) {
        if (b->n + n > b->room) {
                b->room = 2 * (b->n + n);
                b->bytes = realloc(b->bytes, b->room);
                if (!b->bytes)
                        err(EXIT_FAILURE, "%zu bytes", b->room);
        }
        memcpy(b->bytes + b->n, bytes, n);
        b->n += n;
}

static void drop(struct buffer *b, size_t n) {
        b->n -= n;
        memmove(b->bytes, b->bytes + n, b->n);
}

static void watch(struct peer *p, int operation) {
        struct epoll_event event = {.events = EPOLLIN | (p->wants_room ? EPOLLOUT : 0u), .data.ptr = p};

        if (epoll_ctl(epoll_fd, operation, p->fd, &event) < 0)
                err(EXIT_FAILURE, "epoll");
}

static void leave(struct peer *p) {
        if (p == &server)
                errx(EXIT_FAILURE, "the server has closed the connection");
        (void)close(p->fd);
        p->number = 0;
        p->in.n = p->out.n = 0;
        p->wants_room = false;
}

static void flush(struct peer *p) {
        bool full = false;

        while (p->out.n > 0 && !full) {
                ssize_t n = send(p->fd, p->out.bytes, p->out.n, MSG_NOSIGNAL);

                if (n > 0)
                        drop(&p->out, (size_t)n);
                else if (n < 0 && errno == EAGAIN)
                        full = true;
                else {
                        leave(p);
                        return;
                }
        }
        if (full != p->wants_room) {
                p->wants_room = full;
                watch(p, EPOLL_CTL_MOD);
        }
}

/* Hands a client's whole requests on. */
static void take_requests(struct peer *p) {
        char *end;

        while ((end = memmem(p->in.bytes, p->in.n, "\r\n\r\n", 4))) {
                size_t n = (size_t)(end + 4 - p->in.bytes);

                if (n_asked - first_waiting == WAITING_MAX)
                        errx(EXIT_FAILURE, "%d requests wait for their answers", WAITING_MAX);
                waiting[n_asked++ % WAITING_MAX] = p->number;
                append(&server.out, p->in.bytes, n);
                drop(&p->in, n);
        }
        if (p->in.n > REQUEST_BYTES)
                leave(p);
}

/* Bytes of the first answer in the buffer, head and body; 0 if it is not whole. */
static size_t answer_bytes(const struct buffer *b) {
        static const char name[] = "\r\ncontent-length:";
        const char *end = memmem(b->bytes, b->n, "\r\n\r\n", 4);
        size_t head;

        if (!end)
                return 0;
        head = (size_t)(end + 4 - b->bytes);
        for (const char *at = b->bytes; at < end; at++)
                if (strncasecmp(at, name, sizeof name - 1) == 0) {
                        size_t whole = head + strtoul(at + sizeof name - 1, NULL, 10);

                        return b->n >= whole ? whole : 0;
                }
        errx(EXIT_FAILURE, "an answer without a Content-Length");
}

static struct peer *client_of(uint64_t number) {
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (clients[i].number == number)
                        return &clients[i];
        return NULL;
}

/* Hands whole answers on, to whoever asked first. */
static void take_answers(void) {
        size_t n;

        while ((n = answer_bytes(&server.in)) > 0) {
                struct peer *p;

                if (first_waiting == n_asked)
                        errx(EXIT_FAILURE, "an answer that nobody asked for");
                p = client_of(waiting[first_waiting++ % WAITING_MAX]);
                if (p) {
                        append(&p->out, server.in.bytes, n);
                        flush(p);
                }
                drop(&server.in, n);
        }
}

static void read_in(struct peer *p) {
        static char bytes[READ_BYTES];
        ssize_t n = recv(p->fd, bytes, sizeof bytes, 0);

        if (n < 0 && errno == EAGAIN)
                return;
        if (n <= 0) {
                leave(p);
                return;
        }
        append(&p->in, bytes, (size_t)n);
        if (p == &server)
                take_answers();
        else
                take_requests(p);
}

static void begin(struct peer *p, int fd) {
        int one = 1;

        if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
                err(EXIT_FAILURE, "socket");
        p->fd = fd;
        p->number = ++n_clients;
        watch(p, EPOLL_CTL_ADD);
}

static void accept_one(void) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        struct peer *room = client_of(0);

        if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED))
                return;
        if (fd < 0)
                err(EXIT_FAILURE, "accept");
        if (room)
                begin(room, fd);
        else
                (void)close(fd);
}

static struct sockaddr_in local(const char *port) {
        char *end;
        unsigned long value = strtoul(port, &end, 10);

        if (end == port || *end != '\0' || value == 0 || value > UINT16_MAX)
                errx(EXIT_FAILURE, "port %s: a whole number from 1 to %d", port, UINT16_MAX);
        return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)value), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void open_all(const char *listen_port, const char *to_port) {
        struct sockaddr_in at = local(listen_port), to = local(to_port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
        int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (epoll_fd < 0 || listen_fd < 0 || fd < 0 || setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
                err(EXIT_FAILURE, "descriptors");
        if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
                err(EXIT_FAILURE, "no connection to port %s", to_port);
        begin(&server, fd);
        if (bind(listen_fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(listen_fd, SOMAXCONN) < 0)
                err(EXIT_FAILURE, "port %s", listen_port);
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
                err(EXIT_FAILURE, "epoll");
}

static void serve(const struct epoll_event *event) {
        struct peer *p = event->data.ptr;

        if (!p) {
                accept_one();
                return;
        }
        if (p->number == 0) /* has left in this turn */
                return;
        if (event->events & EPOLLOUT)
                flush(p);
        if (p->number != 0 && (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
                read_in(p);
}

int main(int argc, char **argv) {
        static const struct option names[] = {{"listen", required_argument, NULL, 'l'}, {"to", required_argument, NULL, 't'}, {0}};
        struct epoll_event events[EVENTS_PER_WAIT];
        const char *listen_port = NULL, *to_port = NULL;
        int c;

        while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
                if (c == 'l')
                        listen_port = optarg;
                else if (c == 't')
                        to_port = optarg;
                else
                        return EXIT_FAILURE;
        }
        if (!listen_port || !to_port || optind < argc)
                errx(EXIT_FAILURE, "usage: funnel --listen PORT --to PORT");
        open_all(listen_port, to_port);
        for (;;) {
                int n = epoll_wait(epoll_fd, events, EVENTS_PER_WAIT, -1);

                if (n < 0 && errno != EINTR)
                        err(EXIT_FAILURE, "epoll");
                for (int i = 0; i < n; i++)
                        serve(&events[i]);
                flush(&server); /* once for all that has come */
        }
}

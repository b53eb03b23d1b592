/*
 * A server that is far away: takes connections, and hands all bytes on to another address, each way a fixed time later than they came.
 *
 *   far --listen PORT --to PORT --delay-us N        (both on 127.0.0.1)
 *
 * The kernel answers the opening of a connection at once. So that it costs a round trip, as it does far away, what a client sends first counts
 * as sent a round trip after its connection was opened. On SIGTERM it ends, and says on standard output how late it was itself: JSON with
 * the number of pieces and the quantiles of the time from when each was due to when it was handed on, microseconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "far_pieces.h"
#include "lateness.h"

enum {
        PIECE_BYTES = 65536,
        EVENTS_PER_WAIT = 256,
        QUEUED_BYTES_MAX = 4 << 20, /* of one direction of a connection; more is left in the kernel's buffer */
        EXTRA_DESCRIPTORS = 64,
};

enum side { CLIENT, SERVER, SIDES };

struct link;

/* One socket of a link. */
struct end {
        struct link *link;
        enum side side;
        int fd;
        uint32_t events;     /* what epoll was asked for */
        char *out;           /* due, and not taken by the socket yet */
        size_t n_out, room_out;
        size_t queued;       /* bytes from here that are on their way to the other side */
        bool ended;          /* has sent its end */
        bool shut;           /* has been told of the other side's */
        bool shut_wanted;
        bool done;           /* both ways have ended: epoll would report nothing but that */
};

struct link {
        struct end ends[SIDES];
        int64_t opened_ns;
        size_t n_pieces; /* of it in the heap */
        bool dead;
        struct link *next_dead;
};

static uint64_t n_pieces;
static int64_t delay_ns;
static int epoll_fd, timer_fd, listen_fd;
static uint16_t to_port;
static struct link *dead;

/* ---- sockets ---- */

static struct end *other(struct end *e) {
        return &e->link->ends[e->side == CLIENT ? SERVER : CLIENT];
}

static void watch(struct end *e) {
        uint32_t wanted = (!e->ended && e->queued < QUEUED_BYTES_MAX ? EPOLLIN : 0u) | (e->n_out > 0 ? EPOLLOUT : 0u);
        struct epoll_event event = {.events = wanted, .data.ptr = e};

        if (wanted == e->events || e->done)
                return;
        if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, e->fd, &event) < 0)
                err(EXIT_FAILURE, "epoll");
        e->events = wanted;
}

/* Closes both sockets. Its memory is kept until no piece is of it, and no event of this turn can be. */
static void end_link(struct link *l) {
        if (l->dead)
                return;
        l->dead = true;
        for (int i = 0; i < SIDES; i++)
                (void)close(l->ends[i].fd);
        l->next_dead = dead;
        dead = l;
}

static void free_dead(void) {
        for (struct link **at = &dead; *at;) {
                struct link *l = *at;

                if (l->n_pieces > 0) {
                        at = &l->next_dead;
                        continue;
                }
                *at = l->next_dead;
                for (int i = 0; i < SIDES; i++)
                        free(l->ends[i].out);
                free(l);
        }
}

/* Gives the socket what is due. */
static void write_out(struct end *e) {
        while (e->n_out > 0) {
                ssize_t n = send(e->fd, e->out, e->n_out, MSG_NOSIGNAL);

                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) {
                        end_link(e->link);
                        return;
                }
                e->n_out -= (size_t)n;
                memmove(e->out, e->out + n, e->n_out);
        }
        if (e->n_out == 0 && e->shut_wanted && !e->shut) {
                e->shut = true;
                (void)shutdown(e->fd, SHUT_WR); /* a socket that the peer has reset says so when it is read */
        }
        if (e->shut && other(e)->shut)
                end_link(e->link);
        else
                watch(e);
}

static void add_piece(struct end *from, const char *bytes, size_t n) {
        struct piece *p = grow(NULL, sizeof *p + n);
        int64_t now = now_ns(), sent = now;

        if (from->side == CLIENT && now < from->link->opened_ns + 2 * delay_ns)
                sent = from->link->opened_ns + 2 * delay_ns;
        *p = (struct piece){.due_ns = sent + delay_ns, .number = n_pieces++, .from = from, .n = n};
        memcpy(p->bytes, bytes, n);
        from->queued += n;
        from->link->n_pieces++;
        push(p);
}

static void read_in(struct end *e) {
        static char bytes[PIECE_BYTES];
        ssize_t n = recv(e->fd, bytes, sizeof bytes, 0);

        if (n < 0 && errno == EAGAIN)
                return;
        if (n < 0) {
                end_link(e->link);
                return;
        }
        e->ended = n == 0;
        add_piece(e, bytes, (size_t)n);
        watch(e);
}

static void deliver(struct piece *p, int64_t now) {
        struct end *to = other(p->from);
        struct link *l = p->from->link;

        l->n_pieces--;
        if (!l->dead) {
                note_late(now - p->due_ns);
                p->from->queued -= p->n;
                if (to->n_out + p->n > to->room_out) {
                        to->room_out = 2 * (to->n_out + p->n);
                        to->out = grow(to->out, to->room_out);
                }
                memcpy(to->out + to->n_out, p->bytes, p->n);
                to->n_out += p->n;
                to->shut_wanted = to->shut_wanted || p->n == 0;
                write_out(to);
        }
        if (!l->dead)
                watch(p->from);
        free(p);
}

static void deliver_due(void) {
        struct itimerspec when = {.it_value = {0, 0}};

        while (n_heap > 0) {
                int64_t now = now_ns();

                if (heap[0]->due_ns > now)
                        break;
                deliver(pop(), now);
        }
        if (n_heap > 0)
                when.it_value = (struct timespec){.tv_sec = heap[0]->due_ns / 1000000000, .tv_nsec = heap[0]->due_ns % 1000000000};
        if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
                err(EXIT_FAILURE, "timer");
}

/* An error, or the end of both ways, of which what is under way from here is no part. */
static void hang_up(struct end *e) {
        if (!e->shut) {
                end_link(e->link);
                return;
        }
        e->done = true;
        if (epoll_ctl(epoll_fd, EPOLL_CTL_DEL, e->fd, NULL) < 0)
                err(EXIT_FAILURE, "epoll");
}

static struct sockaddr_in local(uint16_t port) {
        return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void add_end(struct link *l, enum side side, int fd) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &l->ends[side]};
        int one = 1;

        l->ends[side] = (struct end){.link = l, .side = side, .fd = fd, .events = EPOLLIN};
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
                err(EXIT_FAILURE, "TCP_NODELAY");
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
                err(EXIT_FAILURE, "epoll");
}

static void accept_all(void) {
        struct sockaddr_in to = local(to_port);
        int client;

        while ((client = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
                int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                struct link *l;

                if (server < 0)
                        err(EXIT_FAILURE, "socket");
                if (connect(server, (struct sockaddr *)&to, sizeof to) < 0) { /* loopback: at once, or refused */
                        (void)close(server);
                        (void)close(client);
                        continue;
                }
                if (fcntl(server, F_SETFL, O_NONBLOCK) < 0)
                        err(EXIT_FAILURE, "O_NONBLOCK");
                l = calloc(1, sizeof *l);
                if (!l)
                        err(EXIT_FAILURE, "connection");
                l->opened_ns = now_ns();
                add_end(l, CLIENT, client);
                add_end(l, SERVER, server);
        }
        if (errno != EAGAIN && errno != ECONNABORTED)
                err(EXIT_FAILURE, "accept");
}

static void tell(void) {
        (void)printf("{\"pieces\": %" PRIu64 ", \"late_p50_us\": %.1f, \"late_p99_us\": %.1f, \"late_max_us\": %.1f}\n", n_pieces, late_us(0.5),
                     late_us(0.99), late_us(1.0));
        if (fflush(stdout) != 0)
                err(EXIT_FAILURE, "standard output");
}

static uint16_t parse(int argc, char **argv) {
        static const struct option names[] = {
                {"listen", required_argument, NULL, 'l'}, {"to", required_argument, NULL, 't'}, {"delay-us", required_argument, NULL, 'd'}, {0}};
        uint16_t port = 0;
        int c;

        while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
                if (c == 'l')
                        port = (uint16_t)number(optarg, UINT16_MAX, "--listen");
                else if (c == 't')
                        to_port = (uint16_t)number(optarg, UINT16_MAX, "--to");
                else if (c == 'd')
                        delay_ns = (int64_t)number(optarg, 10000000, "--delay-us") * 1000;
                else
                        exit(EXIT_FAILURE);
        }
        if (!port || !to_port || optind < argc)
                errx(EXIT_FAILURE, "usage: far --listen PORT --to PORT --delay-us N");
        return port;
}

static int open_signals(void) {
        sigset_t set;

        if (sigemptyset(&set) < 0 || sigaddset(&set, SIGTERM) < 0 || sigaddset(&set, SIGINT) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                err(EXIT_FAILURE, "signals");
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void open_all(uint16_t port, int signals) {
        struct sockaddr_in at = local(port);
        struct rlimit limit;
        int one = 1;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                err(EXIT_FAILURE, "limit of descriptors");
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                err(EXIT_FAILURE, "limit of descriptors");
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (epoll_fd < 0 || timer_fd < 0 || listen_fd < 0 || signals < 0 || setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
                err(EXIT_FAILURE, "descriptors");
        if (bind(listen_fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(listen_fd, SOMAXCONN) < 0)
                err(EXIT_FAILURE, "port %u", port);
        for (size_t i = 0; i < 3; i++) {
                int *fds[] = {&listen_fd, &timer_fd, &signals};
                struct epoll_event event = {.events = EPOLLIN, .data.ptr = i == 0 ? (void *)&listen_fd : i == 1 ? (void *)&timer_fd : NULL};

                if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, *fds[i], &event) < 0)
                        err(EXIT_FAILURE, "epoll");
        }
}

int main(int argc, char **argv) {
        struct epoll_event events[EVENTS_PER_WAIT];
        int signals = open_signals();

        open_all(parse(argc, argv), signals);
        for (;;) {
                int n = epoll_wait(epoll_fd, events, EVENTS_PER_WAIT, -1);

                if (n < 0 && errno != EINTR)
                        err(EXIT_FAILURE, "epoll");
                for (int i = 0; i < n; i++) {
                        struct end *e = events[i].data.ptr;

                        if (!e) {
                                tell();
                                return EXIT_SUCCESS;
                        }
                        if (events[i].data.ptr == &listen_fd) {
                                accept_all();
                        } else if (events[i].data.ptr != &timer_fd && !e->link->dead) {
                                if (events[i].events & EPOLLOUT)
                                        write_out(e);
                                if (!e->link->dead && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !e->ended)
                                        read_in(e);
                                else if (!e->link->dead && (events[i].events & (EPOLLHUP | EPOLLERR)))
                                        hang_up(e);
                        }
                }
                deliver_due();
                free_dead();
        }
}

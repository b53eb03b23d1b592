/*
 * A way between two addresses of a network namespace of its own, on which each packet takes some time, and some are lost.
 *
 *   lossy --loss-ppm N --delay-us N [--seed N]
 *
 * What is sent to 10.0.0.2 comes back to 10.0.0.1 as if 10.0.0.2 had sent it: the program swaps the addresses of each packet, which leaves the
 * checksums right. So a client and a server of the same namespace reach each other as PORT of 10.0.0.2, and all their packets come through here: TCP's
 * as well as UDP's. Other programs enter with nsenter --net --target PID. When all is there it says so on standard output. On SIGTERM it ends, and says
 * how many packets it was given, how many it dropped by chance and for want of room, and how late it was itself: JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lateness.h"

enum {
        PACKET_BYTES = 2048, /* more than the device's 1500 */
        ROOM = 4096,         /* packets under way */
        READ_AT_ONCE = 64,
        IP_HEADER_BYTES = 20,
        IP_SOURCE = 12, /* where the address stands */
        IP_TARGET = 16,
        MILLION = 1000000,
};

struct packet {
        int64_t due_ns;
        size_t n;
        unsigned char bytes[PACKET_BYTES];
};

/* All take the same time, so that they leave in the order in which they came. */
static struct packet under_way[ROOM];
static uint64_t first, last;

static uint64_t n_packets, n_lost, n_overflown, chance = 88172645463325252;
static uint64_t loss_ppm;
static int64_t delay_ns;
static int device_fd, timer_fd;

static uint64_t draw(void) { /* xorshift64 */
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        return chance;
}

static void swap_addresses(unsigned char *bytes) {
        unsigned char source[4];

        memcpy(source, bytes + IP_SOURCE, sizeof source);
        memcpy(bytes + IP_SOURCE, bytes + IP_TARGET, sizeof source);
        memcpy(bytes + IP_TARGET, source, sizeof source);
}

static void take_in(void) {
        static unsigned char bytes[PACKET_BYTES];

        for (int i = 0; i < READ_AT_ONCE; i++) {
                ssize_t n = read(device_fd, bytes, sizeof bytes);

                if (n < 0 && errno == EAGAIN)
                        return;
                if (n < 0)
                        err(EXIT_FAILURE, "device");
                if (n < IP_HEADER_BYTES || bytes[0] >> 4 != 4) /* what the kernel says of IPv6 */
                        continue;
                n_packets++;
                if (draw() % MILLION < loss_ppm) {
                        n_lost++;
                } else if (last - first == ROOM) {
                        n_overflown++;
                } else {
                        struct packet *p = &under_way[last++ % ROOM];

                        *p = (struct packet){.due_ns = now_ns() + delay_ns, .n = (size_t)n};
                        memcpy(p->bytes, bytes, (size_t)n);
                        swap_addresses(p->bytes);
                }
        }
}

static void hand_on(void) {
        struct itimerspec when = {.it_value = {0, 0}};

        while (first < last) {
                struct packet *p = &under_way[first % ROOM];
                int64_t now = now_ns();

                if (p->due_ns > now)
                        break;
                if (write(device_fd, p->bytes, p->n) < 0)
                        err(EXIT_FAILURE, "device");
                note_late(now - p->due_ns);
                first++;
        }
        if (first < last) {
                int64_t due = under_way[first % ROOM].due_ns;

                when.it_value = (struct timespec){.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
        }
        if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
                err(EXIT_FAILURE, "timer");
}

static void set_up(int s, const char *name, const char *address) {
        struct ifreq r = {0};
        struct sockaddr_in a = {.sin_family = AF_INET};

        (void)strncpy(r.ifr_name, name, sizeof r.ifr_name - 1);
        if (address) {
                if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
                        errx(EXIT_FAILURE, "%s: not an address", address);
                memcpy(&r.ifr_addr, &a, sizeof a);
                if (ioctl(s, SIOCSIFADDR, &r) < 0)
                        err(EXIT_FAILURE, "address of %s", name);
                a.sin_addr.s_addr = htonl(0xffffff00);
                memcpy(&r.ifr_netmask, &a, sizeof a);
                if (ioctl(s, SIOCSIFNETMASK, &r) < 0)
                        err(EXIT_FAILURE, "mask of %s", name);
        }
        r.ifr_flags = IFF_UP | IFF_RUNNING;
        if (ioctl(s, SIOCSIFFLAGS, &r) < 0)
                err(EXIT_FAILURE, "bringing up %s", name);
}

static void make_device(void) {
        struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "way0"};
        int s;

        if (unshare(CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0)
                err(EXIT_FAILURE, "a network namespace of its own");
        device_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (device_fd < 0 || ioctl(device_fd, TUNSETIFF, &r) < 0)
                err(EXIT_FAILURE, "/dev/net/tun");
        s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (s < 0)
                err(EXIT_FAILURE, "socket");
        set_up(s, "lo", NULL);
        set_up(s, r.ifr_name, "10.0.0.1");
        (void)close(s);
        timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (timer_fd < 0)
                err(EXIT_FAILURE, "timer");
}

static void parse(int argc, char **argv) {
        static const struct option names[] = {
                {"loss-ppm", required_argument, NULL, 'l'}, {"delay-us", required_argument, NULL, 'd'}, {"seed", required_argument, NULL, 's'}, {0}};
        int c;

        while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
                if (c == 'l')
                        loss_ppm = number(optarg, MILLION, "--loss-ppm");
                else if (c == 'd')
                        delay_ns = (int64_t)number(optarg, 10000000, "--delay-us") * 1000;
                else if (c == 's')
                        chance += number(optarg, UINT32_MAX, "--seed");
                else
                        exit(EXIT_FAILURE);
        }
        if (optind < argc)
                errx(EXIT_FAILURE, "usage: lossy --loss-ppm N --delay-us N [--seed N]");
}

static int open_signals(void) {
        sigset_t set;

        if (sigemptyset(&set) < 0 || sigaddset(&set, SIGTERM) < 0 || sigaddset(&set, SIGINT) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                err(EXIT_FAILURE, "signals");
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void tell(const char *format, ...) {
        va_list values;

        va_start(values, format);
        if (vprintf(format, values) < 0 || fflush(stdout) != 0)
                err(EXIT_FAILURE, "standard output");
        va_end(values);
}

int main(int argc, char **argv) {
        int signals = open_signals();

        if (signals < 0)
                err(EXIT_FAILURE, "signals");
        parse(argc, argv);
        make_device();
        tell("ready\n");
        for (;;) {
                struct pollfd waited[] = {{.fd = device_fd, .events = POLLIN}, {.fd = timer_fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};

                if (poll(waited, 3, -1) < 0 && errno != EINTR)
                        err(EXIT_FAILURE, "poll");
                if (waited[2].revents)
                        break;
                take_in();
                hand_on();
        }
        tell("{\"packets\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"overflown\": %" PRIu64
             ", \"late_p50_us\": %.1f, \"late_p99_us\": %.1f, \"late_max_us\": %.1f}\n",
             n_packets, n_lost, n_overflown, late_us(0.5), late_us(0.99), late_us(1.0));
        return EXIT_SUCCESS;
}

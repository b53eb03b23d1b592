#include "act/store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <restmark/scoreboard.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "act/notify.h"
#include "act/outbox.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/number.h"

enum { SETTLE_MS = 1000 };

static const char prefix[] = "restmarkd.listen."; /* then the slot, a dot, and the index of the address */

bool store_exists(void) {
        const char *room = getenv("FDSTORE");
        uint64_t n;

        return notify_is_heard() && room && number_parse(room, strlen(room), &n) == 0 && n > 0;
}

static const char *put_text(char *text, unsigned int slot, unsigned int address) {
        (void)snprintf(text, OUTBOX_TEXT_MAX, "FDSTORE=1\nFDNAME=%s%u.%u", prefix, slot, address);
        return text;
}

static void complain(const char *what, int r) {
        if (r < 0)
                log_message(LOG_WARNING, "%s: %s", what, strerror(-r));
}

void store_put(unsigned int slot, unsigned int address, int fd) {
        char text[OUTBOX_TEXT_MAX];

        complain("systemd does not keep a listening socket", outbox_send(put_text(text, slot, address), fd, true));
}

void store_remove(unsigned int slot, unsigned int address) {
        char text[OUTBOX_TEXT_MAX];

        outbox_cancel(put_text(text, slot, address)); /* else its copy of the socket would live on */
        (void)snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s%u.%u", prefix, slot, address);
        complain("systemd is not told to give up a listening socket", outbox_send(text, -1, true));
}

/* Returns the end of a pipe whose other one systemd closes when it has done what it was told before; negative if that cannot be asked for. */
static int ask_for_end(void) {
        int ends[2], r;

        if (!notify_is_heard())
                return -ENOTCONN;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        r = outbox_send("BARRIER=1", ends[1], true);
        (void)fd_close(ends[1]);
        if (r >= 0)
                return ends[0];
        (void)fd_close(ends[0]);
        return r;
}

void store_settle(void) {
        int fd = ask_for_end(), r = fd;
        struct pollfd end = { .fd = fd };

        if (r >= 0 && outbox_waiting() > 0) /* it does not read, which is said */
                r = 0;
        else if (r >= 0 && poll(&end, 1, SETTLE_MS) != 1)
                r = -ETIMEDOUT;
        complain("systemd does not say that it has closed listening sockets", r);
        (void)fd_close(fd);
}

/* ---- while the loop runs ---- */

static struct {
        sd_event_source *io;
        int fd;
        store_settled settled;
        void *context;
} wait_for = { .fd = -1 };

void store_forget_settled(void) {
        wait_for.io = sd_event_source_unref(wait_for.io);
        wait_for.fd = fd_close(wait_for.fd);
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *context) {
        (void)source;
        (void)fd;
        (void)events;
        (void)context;
        store_forget_settled();
        wait_for.settled(wait_for.context);
        return 0;
}

bool store_when_settled(store_settled settled, void *context) {
        int r;

        store_forget_settled();
        if (!outbox_event())
                return false;
        wait_for.fd = r = ask_for_end();
        wait_for.settled = settled;
        wait_for.context = context;
        if (r >= 0)
                r = sd_event_add_io(outbox_event(), &wait_for.io, wait_for.fd, EPOLLIN, on_end, NULL);
        if (r >= 0)
                return true;
        complain("systemd cannot be asked whether it has closed listening sockets", r);
        store_forget_settled();
        return false;
}

bool store_parse_name(const char *name, unsigned int *ret_slot, unsigned int *ret_address) {
        const char *dot;
        uint64_t slot, address;

        if (strncmp(name, prefix, sizeof prefix - 1) != 0)
                return false;
        name += sizeof prefix - 1;
        dot = strchr(name, '.');
        if (!dot || number_parse(name, (size_t)(dot - name), &slot) < 0 || number_parse(dot + 1, strlen(dot + 1), &address) < 0 ||
            slot >= RESTMARK_SLOTS_MAX || address >= RESTMARK_LISTEN_MAX)
                return false;
        *ret_slot = (unsigned int)slot;
        *ret_address = (unsigned int)address;
        return true;
}

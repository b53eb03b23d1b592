#include "master/store.h"

#include <restmark/scoreboard.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/number.h"
#include "master/notify.h"

enum { SETTLE_USEC = 1000000 };

static const char prefix[] = "restmarkd.listen."; /* then the slot, a dot, and the index of the address */

bool store_exists(void) {
        const char *room = getenv("FDSTORE");
        uint64_t n;

        return notify_is_heard() && room && number_parse(room, strlen(room), &n) == 0 && n > 0;
}

static void complain(int r) {
        if (r < 0)
                log_message(LOG_WARNING, "systemd does not keep a listening socket: %s", strerror(-r));
}

void store_put(unsigned int slot, unsigned int address, int fd) {
        char text[128];

        (void)snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s%u.%u", prefix, slot, address);
        complain(sd_pid_notify_with_fds(0, 0, text, &fd, 1));
}

void store_remove(unsigned int slot, unsigned int address) {
        complain(sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s%u.%u", prefix, slot, address));
}

void store_settle(void) {
        int r = sd_notify_barrier(0, SETTLE_USEC);

        if (r < 0)
                log_message(LOG_WARNING, "systemd does not say that it has closed listening sockets: %s", strerror(-r));
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

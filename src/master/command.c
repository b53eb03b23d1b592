#include "master/house.h"

uint64_t house_command(struct house *h, enum topic topic, const struct happening *command) {
        struct happening with_ticket = *command;

        with_ticket.ticket = ++h->tickets[topic];
        happenings_push(h->act.queue, &with_ticket);
        return with_ticket.ticket;
}

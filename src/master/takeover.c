#include <errno.h>
#include <restmark/version.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "act/process.h"
#include "act/generation.h"
#include "base/log.h"
#include "master/house.h"

/* The facts about a worker that is there already. */
static struct seat describe(const struct process *p, const struct handover_child *from, uint64_t max_connections) {
        return (struct seat){ .slot = { .state = from->state, .failures = from->failures, .deadline_ms = from->deadline_ms },
                              .pid = p->pid,
                              .generation = from->generation,
                              .max_connections = max_connections,
                              .traces = false, /* its program is another one: the addresses of its stack would mean nothing */
                              .cause = from->state == RESTMARK_SLOT_READY ? RESTMARK_CAUSE_CRASH : RESTMARK_CAUSE_START,
                              .started_ms = p->started_ms,
                              .dice = p->started_ms * 0x9e3779b97f4a7c15u + p->slot };
}

/* One that dies before it is replaced comes back from this program, which serves as the other did. */
static int adopt(struct house *h, const struct handover_child *from, struct generation *of, struct error *e) {
        struct fleet *f = &h->plans->fleet;
        struct generation *generation;
        int r;

        if (from->slot >= f->n_workers || from->seat != fleet_own(f, from->slot))
                return error_set(e, -EPROTO, "the handover names a worker without a place");
        generation = generation_stand_in(of, from->generation);
        if (!generation)
                return error_set_errno(e, ENOMEM, "cannot take over the workers");
        r = process_adopt(process_at(&h->act, from->slot, from->seat), from, generation, e);
        if (r == 0)
                f->seats[from->slot][from->seat] = describe(process_at(&h->act, from->slot, from->seat), from, generation->config->max_connections);
        (void)generation_unref(generation);
        return r;
}

static int adopt_all(struct house *h, const struct handover *handover, struct error *e) {
        struct fleet *f = &h->plans->fleet;

        for (unsigned int i = 0; i < f->n_workers; i++)
                f->primary[i] = h->options->board->slots[i].slot.primary != 0;
        for (size_t i = 0; i < handover->n_children; i++) {
                int r = adopt(h, &handover->children[i], h->act.generation, e);

                if (r < 0)
                        return r;
        }
        for (unsigned int i = 0; i < f->n_workers; i++)
                if (fleet_primary(f, i)->slot.state == RESTMARK_SLOT_EMPTY)
                        return error_set(e, -EPROTO, "the handover names no worker for slot %u", i);
        return 0;
}

/* The daemon is what it was before the upgrade. */
static void come_back(struct house *h, const struct handover *handover) {
        h->act.generation->number = (unsigned int)handover->generation;
        (void)prctl(PR_SET_NAME, "restmarkd"); /* executed by descriptor, it has the number of that as its name */
        act_report(&h->act, HAPPENING_STAYED, 0, 0, handover->reason);
        if (handover->was_ready)
                act_report(&h->act, HAPPENING_SERVES, 0, 0, NULL); /* the other program has told systemd that it reloads */
}

static int succeed(struct house *h, struct handover *handover, struct error *e) {
        struct generation *next = h->act.generation, *current = generation_stand_in(next, (unsigned int)handover->generation);

        if (!current)
                return error_set_errno(e, ENOMEM, "cannot take over the workers");
        h->act.generation = current;
        h->act.next = next;
        log_message(LOG_NOTICE, "upgrade: restmarkd %s has taken over from %s; replacing the workers", RESTMARK_VERSION, handover->from);
        events_add(h->act.events, EVENT_UPGRADE, -1, "restmarkd %s has taken over from %s", RESTMARK_VERSION, handover->from);
        exec_succeed(h->exec, handover);
        (void)snprintf(h->plans->upgrade.from, sizeof h->plans->upgrade.from, "%.60s", handover->from);
        (void)house_command(h, TOPIC_RELOAD, &(struct happening){ .kind = HAPPENING_TAKEN_OVER });
        return 0;
}

/* Those who wait for the outcome, and those who have not said a whole line yet. */
static void adopt_clients(const struct house *h, const struct handover *handover) {
        struct control *control = h->options->control;

        for (size_t i = 0; control && i < handover->n_clients; i++)
                control_adopt_waiting(control, handover->clients[i], (struct control_ticket){ CONTROL_TOPIC_UPGRADE, h->tickets[TOPIC_UPGRADE] });
        for (size_t i = 0; control && i < handover->n_callers; i++)
                control_adopt_waiting(control, handover->callers[i], (struct control_ticket){ 0 });
}

int house_take_over(struct house *h, struct handover *handover, struct error *e) {
        struct upgrade *upgrade = &h->plans->upgrade;
        int r = adopt_all(h, handover, e);

        if (r < 0)
                return r;
        h->plans->fleet.was_ready = handover->was_ready;
        upgrade->number = upgrade->wanted = ++h->tickets[TOPIC_UPGRADE];
        adopt_clients(h, handover);
        happenings_push(h->act.queue, &(struct happening){ .kind = HAPPENING_BEGIN, .at_once = true });
        if (handover->is_return)
                come_back(h, handover);
        else
                r = succeed(h, handover, e);
        h->plans->fleet.current = act_policy(h->act.generation);
        return r;
}

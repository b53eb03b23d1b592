#include "master/drain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "master/supervisor_internal.h"

enum stage {
        STAGE_NONE,
        STAGE_REPLACED, /* the new worker is awaited */
        STAGE_LEAVES,   /* the old one finishes */
        STAGE_FAILED,
};

struct job {
        enum stage stage;
        uint64_t ticket, started_ms;
        pid_t old_pid;
        char why_not[200];
};

struct drain {
        struct supervisor *s;
        struct job jobs[RESTMARK_SLOTS_MAX];
        uint64_t n_tickets;
};

static void finish(struct drain *d, unsigned int slot) {
        struct job *job = &d->jobs[slot];
        bool ok = job->stage != STAGE_FAILED;
        char text[320];

        if (ok)
                (void)snprintf(text, sizeof text, "slot %u: process %d has finished, %d serves; it took %.1f s", slot, (int)job->old_pid,
                               (int)child_primary(d->s, slot)->pid, (double)(clock_monotonic_ms() - job->started_ms) / 1000);
        else
                (void)snprintf(text, sizeof text, "slot %u is not drained: %s", slot, job->why_not);
        job->stage = STAGE_NONE;
        log_message(ok ? LOG_NOTICE : LOG_ERR, "%s", text);
        events_add(d->s->events, EVENT_DRAIN, (int)slot, "%s", text);
        if (d->s->options->control)
                control_finish_only(d->s->options->control, (struct control_ticket){ CONTROL_TOPIC_DRAIN, job->ticket }, ok, text);
}

static bool has_process(const struct supervisor *s, unsigned int slot, pid_t pid) {
        for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                if (s->children[slot][seat].pid == pid)
                        return true;
        return false;
}

void drain_update(struct drain *d) {
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++)
                if (d->jobs[i].stage == STAGE_FAILED ||
                    (d->jobs[i].stage == STAGE_LEAVES && !has_process(d->s, i, d->jobs[i].old_pid)))
                        finish(d, i);
}

void drain_abandon(struct drain *d) {
        for (unsigned int i = 0; i < RESTMARK_SLOTS_MAX; i++)
                if (d->jobs[i].stage != STAGE_NONE) {
                        d->jobs[i].stage = STAGE_FAILED;
                        (void)snprintf(d->jobs[i].why_not, sizeof d->jobs[i].why_not, "the daemon stops");
                        finish(d, i);
                }
}

int drain_new(struct supervisor *s, struct drain **ret, struct error *e) {
        struct drain *d = calloc(1, sizeof *d);

        if (!d)
                return error_set_errno(e, ENOMEM, "cannot keep track of slots that are drained");
        d->s = s;
        *ret = d;
        return 0;
}

struct drain *drain_free(struct drain *d) {
        free(d);
        return NULL;
}

static void on_replaced(void *context, unsigned int slot, const char *why_not) {
        struct drain *d = context;
        struct job *job = &d->jobs[slot];

        job->stage = why_not ? STAGE_FAILED : STAGE_LEAVES;
        (void)snprintf(job->why_not, sizeof job->why_not, "%s", why_not ? why_not : "");
        supervisor_report(d->s);
}

int drain_request(struct drain *d, unsigned int slot, uint64_t *ret, struct error *e) {
        struct supervisor *s = d->s;
        struct job *job = &d->jobs[slot];

        if (slot >= s->n_workers)
                return error_set(e, -ENOENT, "there is no slot %u: the highest is %u", slot, s->n_workers - 1);
        if (job->stage != STAGE_NONE)
                return error_set(e, -EBUSY, "slot %u is being drained already", slot);
        *job = (struct job){ .stage = STAGE_REPLACED,
                             .ticket = d->n_tickets + 1,
                             .started_ms = clock_monotonic_ms(),
                             .old_pid = child_primary(s, slot)->pid };
        if (child_primary(s, slot)->slot.state != RESTMARK_SLOT_READY ||
            !replace_request(s->replace, slot, RESTMARK_CAUSE_DRAIN, on_replaced, d)) {
                job->stage = STAGE_NONE;
                return error_set(e, -EBUSY, "the worker of slot %u is being replaced or is not ready", slot);
        }
        *ret = ++d->n_tickets;
        return 0;
}

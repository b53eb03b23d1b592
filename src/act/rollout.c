#include "act/rollout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/canary.h"
#include "act/preflight.h"
#include "act/process.h"
#include "base/log.h"

struct rollout {
        struct act *act;
        struct canary *canary;
        unsigned int slot, seat; /* of its worker */
};

struct rollout *rollout_new(struct act *act) {
        struct rollout *r = calloc(1, sizeof *r);

        if (r)
                r->act = act;
        return r;
}

struct rollout *rollout_free(struct rollout *r) {
        if (!r)
                return NULL;
        rollout_discard(r);
        free(r);
        return NULL;
}

void rollout_discard(struct rollout *r) {
        r->canary = canary_free(r->canary);
        r->act->next = generation_unref(r->act->next);
}

/* ---- loading ---- */

static void warn(const char *text) {
        log_message(LOG_WARNING, "%s", text);
}

/* What takes a restart is not applied, but the restart will come, and should not be the one to find out that it cannot be. */
static int load(const struct rollout *r, struct error *e) {
        const struct supervisor_options *o = r->act->options;
        int result = o->source.load(o->source.context, &r->act->next, e);

        if (result < 0) {
                r->act->next = NULL;
                return result;
        }
        result = preflight_start(r->act->next->config, o->boot, o->listeners->given, warn, e);
        if (result < 0)
                (void)snprintf(e->text + strlen(e->text), sizeof e->text - strlen(e->text), "; it takes a restart, which would refuse it");
        return result;
}

void rollout_load(struct rollout *r, unsigned int number, bool is_there) {
        struct happening h = { .kind = HAPPENING_LOADED, .ok = true };
        char pending[256];
        struct error e;

        if (!is_there && load(r, &e) < 0) {
                h.ok = false;
                h.text = e.text;
        } else {
                r->act->next->number = number;
                h.policy = act_policy(r->act->next);
                config_pending(r->act->options->boot, r->act->next->config, pending, sizeof pending);
                h.text = *pending ? pending : NULL;
        }
        happenings_push(r->act->queue, &h);
}

/* ---- the canary ---- */

static void report(const struct rollout *r, const char *why) {
        act_report(r->act, HAPPENING_EXAMINED, r->slot, r->seat, why);
}

static void on_examined(void *context, const char *why) {
        struct rollout *r = context;
        char text[400];

        if (why)
                (void)snprintf(text, sizeof text, "the first worker of the new generation fails: %s", why);
        report(r, why ? text : NULL);
        r->canary = canary_free(r->canary);
}

void rollout_examine(struct rollout *r, unsigned int slot, unsigned int seat, uint64_t timeout_ms) {
        struct process *p = process_at(r->act, slot, seat);
        int fd = p->private_connection;
        struct error e;

        p->private_connection = -1;
        r->slot = slot;
        r->seat = seat;
        if (canary_new(r->act->event, fd, &r->act->next->expect, timeout_ms, on_examined, r, &r->canary, &e) < 0)
                report(r, e.text);
}

/* ---- the end ---- */

void rollout_commit(struct rollout *r) {
        struct act *act = r->act;

        log_open((enum log_target)act->options->boot->log_target, act->next->config->log_level);
        (void)generation_unref(act->generation);
        act->generation = act->next;
        act->next = NULL;
        act->options->board->generation = act->generation->number;
}

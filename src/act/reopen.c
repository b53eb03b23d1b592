#include "act/reopen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "act/process.h"
#include "base/log.h"

/* What one call has done. */
struct outcome {
        unsigned int n_files, n_workers;
        const char *file; /* one of them */
        int failed;       /* 0 or a negative value */
};

/* A worker without the message goes on with the old file. One that is about to die has no need of it. */
static void pass(const struct process *p, struct outcome *outcome, struct error *e) {
        int r = link_send(p->link, LINK_REOPEN, p->generation->access_log_fd);

        if (r == 0)
                outcome->n_workers++;
        else if (r != -EPIPE && r != -ECONNRESET)
                outcome->failed = error_set_errno(e, -r, "worker %u (pid %d) does not take the new access log and goes on with the old one",
                                                  p->slot, (int)p->pid);
}

static void reopen(struct act *act, struct generation *generation, struct outcome *outcome, struct error *e) {
        int r;

        if (generation->reopened == act->n_reopened) /* already */
                return;
        generation->reopened = act->n_reopened;
        r = generation_open_log(generation, e);
        if (r < 0)
                outcome->failed = r;
        if (r <= 0)
                return;
        outcome->n_files++;
        outcome->file = generation->config->access_log;
        for (unsigned int i = 0; i < act->fleet->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (process_at(act, i, seat)->pid != 0 && process_at(act, i, seat)->generation == generation)
                                pass(process_at(act, i, seat), outcome, e);
}

int reopen_logs(struct act *act, char *text, size_t size, struct error *e) {
        struct outcome outcome = { .failed = 0 };

        act->n_reopened++;
        reopen(act, act->generation, &outcome, e);
        for (unsigned int i = 0; i < act->fleet->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (process_at(act, i, seat)->generation)
                                reopen(act, process_at(act, i, seat)->generation, &outcome, e);
        if (outcome.failed < 0) {
                log_message(LOG_ERR, "%s; lines still go to the old file", e->text);
                events_add(act->events, EVENT_REOPEN, -1, "failed: %s", e->text);
                return outcome.failed;
        }
        if (outcome.n_files == 0)
                (void)snprintf(text, size, "there is no access log to open again");
        else
                (void)snprintf(text, size, "%s%s is open again, and %u worker%s told", outcome.file,
                               outcome.n_files > 1 ? " (and that of another configuration)" : "", outcome.n_workers,
                               outcome.n_workers == 1 ? " is" : "s are");
        log_message(LOG_NOTICE, "%s", text);
        events_add(act->events, EVENT_REOPEN, -1, "%s", text);
        return 0;
}

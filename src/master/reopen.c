#include "master/reopen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "master/supervisor_internal.h"

/* What one call has done. */
struct outcome {
        unsigned int n_files, n_workers;
        const char *file; /* one of them */
        int failed;       /* 0 or a negative value */
};

/* A worker without the message goes on with the old file. One that is about to die has no need of it. */
static void pass(struct child *child, struct outcome *outcome, struct error *e) {
        int r = link_send(child->link, LINK_REOPEN, child->generation->access_log_fd);

        if (r == 0)
                outcome->n_workers++;
        else if (r != -EPIPE && r != -ECONNRESET)
                outcome->failed = error_set_errno(e, -r, "worker %u (pid %d) does not take the new access log and goes on with the old one",
                                                  child->index, (int)child->pid);
}

static void reopen(struct supervisor *s, struct generation *generation, struct outcome *outcome, struct error *e) {
        int r;

        if (generation->reopened == s->n_reopened) /* already */
                return;
        generation->reopened = s->n_reopened;
        r = generation->reopen(generation, e);
        if (r < 0)
                outcome->failed = r;
        if (r <= 0)
                return;
        outcome->n_files++;
        outcome->file = generation->config->access_log;
        for (unsigned int i = 0; i < s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (s->children[i][seat].pid != 0 && s->children[i][seat].generation == generation)
                                pass(&s->children[i][seat], outcome, e);
}

int reopen_logs(struct supervisor *s, char *text, size_t size, struct error *e) {
        struct outcome outcome = { .failed = 0 };

        s->n_reopened++;
        reopen(s, s->generation, &outcome, e);
        for (unsigned int i = 0; i < s->n_slots; i++)
                for (unsigned int seat = 0; seat < RESTMARK_SEATS; seat++)
                        if (s->children[i][seat].generation)
                                reopen(s, s->children[i][seat].generation, &outcome, e);
        if (outcome.failed < 0) {
                log_message(LOG_ERR, "%s; lines still go to the old file", e->text);
                events_add(s->events, EVENT_REOPEN, -1, "failed: %s", e->text);
                return outcome.failed;
        }
        if (outcome.n_files == 0)
                (void)snprintf(text, size, "there is no access log to open again");
        else
                (void)snprintf(text, size, "%s%s is open again, and %u worker%s told", outcome.file,
                               outcome.n_files > 1 ? " (and that of another configuration)" : "", outcome.n_workers,
                               outcome.n_workers == 1 ? " is" : "s are");
        log_message(LOG_NOTICE, "%s", text);
        events_add(s->events, EVENT_REOPEN, -1, "%s", text);
        return 0;
}

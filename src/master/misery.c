#include "master/misery.h"

#include <stdio.h>
#include <sysexits.h>

#include "base/log.h"
#include "master/supervisor_internal.h"

static uint64_t wait_ms(const struct child *child, uint64_t now_ms) {
        return child->slot.deadline_ms > now_ms ? child->slot.deadline_ms - now_ms : 0;
}

void misery_decide(struct child *child, uint64_t now_ms) {
        struct supervisor *s = child->supervisor;
        const bool ends = supervisor_judge(s) == SLOTS_GIVE_UP;
        char text[256], what[64] = "says that starting it again would not help";

        if (child->refusal == 0)
                (void)snprintf(what, sizeof what, "has failed to start %u times in a row", child->slot.failures);
        if (ends) {
                log_message(LOG_ERR, "worker %u %s, and no other serves; stopping. The messages above, or `coredumpctl`, say why", child->index, what);
                s->exit_code = child->refusal != 0 ? child->refusal : EX_OSERR;
                supervisor_stop(s, SLOT_EVENT_STOP);
                return;
        }
        (void)snprintf(text, sizeof text, "worker %u %s; the others go on, and it is tried again in %llu s", child->index, what,
                       (unsigned long long)wait_ms(child, now_ms) / 1000);
        log_message(LOG_ERR, "%s. The messages above, or `coredumpctl`, say why", text);
        if (child->slot.failures == SLOT_FAILURES_MAX)
                events_add(s->events, EVENT_LOST, (int)child->index, "%s", text);
}

void misery_tell_wait(const struct child *child, uint64_t now_ms) {
        unsigned long long ms = wait_ms(child, now_ms);

        if (child->slot.failures > 0) {
                log_message(LOG_WARNING, "worker %u will be started again in %llu ms (failure %u in a row)", child->index, ms, child->slot.failures);
                return;
        }
        log_message(LOG_WARNING, "worker %u is in a crash loop (%u in a row have died within %d ms of being ready): it will be started again in %llu ms",
                    child->index, child->slot.short_lives, SLOT_HEALTHY_MS, ms);
        if (child->slot.short_lives == SLOT_SHORT_LIVES_FREE + 1)
                events_add(child->supervisor->events, EVENT_CRASH_LOOP, (int)child->index, "%u workers in a row have died within %d ms of being ready",
                           child->slot.short_lives, SLOT_HEALTHY_MS);
}

void misery_tell_end(const struct child *child) {
        log_message(LOG_NOTICE, "worker %u (pid %d) has been ready for %d ms: the crash loop is over", child->index, (int)child->pid, SLOT_HEALTHY_MS);
        events_add(child->supervisor->events, EVENT_CRASH_LOOP, (int)child->index, "over: pid %d has been ready for %d ms", (int)child->pid,
                   SLOT_HEALTHY_MS);
}

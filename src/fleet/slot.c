#include "fleet/slot.h"

static enum slot_action enter(struct slot *slot, enum restmark_slot_state state, uint64_t deadline_ms, enum slot_action action) {
        slot->state = state;
        slot->deadline_ms = deadline_ms;
        return action;
}

static enum slot_action start(struct slot *slot, uint64_t now_ms) {
        return enter(slot, RESTMARK_SLOT_STARTING, now_ms + SLOT_START_MS, SLOT_ACTION_FORK);
}

static bool is_lost(const struct slot *slot) {
        return slot->failures >= SLOT_FAILURES_MAX;
}

/* The next start, later with each worker in a row that has ended badly. */
static enum slot_action back_off(struct slot *slot, uint64_t now_ms, enum slot_action action) {
        const uint64_t max_ms = is_lost(slot) ? SLOT_BACKOFF_LOST_MS : SLOT_BACKOFF_MAX_MS;
        unsigned int n = slot->failures;
        uint64_t wait_ms = SLOT_BACKOFF_MIN_MS;

        if (slot_is_in_crash_loop(slot))
                n += slot->short_lives - SLOT_SHORT_LIVES_FREE;
        for (unsigned int i = 1; i < n && wait_ms < max_ms; i++)
                wait_ms *= 2;
        return enter(slot, RESTMARK_SLOT_BACKOFF, now_ms + (wait_ms < max_ms ? wait_ms : max_ms), action);
}

static enum slot_action start_failed(struct slot *slot, uint64_t now_ms) {
        slot->failures++;
        if (is_lost(slot) && slot->limited)
                return enter(slot, RESTMARK_SLOT_STOPPED, 0, SLOT_ACTION_NONE);
        return back_off(slot, now_ms, is_lost(slot) ? SLOT_ACTION_GIVE_UP : SLOT_ACTION_NONE);
}

/* A ready worker has a deadline until it has lived for long enough. */
static enum slot_action ready_died(struct slot *slot, uint64_t now_ms) {
        if (slot->deadline_ms != 0 && now_ms < slot->deadline_ms)
                slot->short_lives++;
        else
                slot->short_lives = 0;
        return slot_is_in_crash_loop(slot) ? back_off(slot, now_ms, SLOT_ACTION_NONE) : start(slot, now_ms);
}

static enum slot_action on_exited(struct slot *slot, uint64_t now_ms) {
        if (slot->stopping)
                return enter(slot, RESTMARK_SLOT_STOPPED, 0, SLOT_ACTION_NONE);
        switch (slot->state) {
        case RESTMARK_SLOT_READY:
                return ready_died(slot, now_ms);
        case RESTMARK_SLOT_STARTING:
        case RESTMARK_SLOT_KILLED:
                return start_failed(slot, now_ms);
        default:
                return SLOT_ACTION_NONE;
        }
}

static enum slot_action on_timer(struct slot *slot, uint64_t now_ms) {
        if (slot->deadline_ms == 0 || now_ms < slot->deadline_ms)
                return SLOT_ACTION_NONE;
        switch (slot->state) {
        case RESTMARK_SLOT_BACKOFF:
                return start(slot, now_ms);
        case RESTMARK_SLOT_READY: /* it lives */
                slot->short_lives = 0;
                slot->deadline_ms = 0;
                return SLOT_ACTION_NONE;
        case RESTMARK_SLOT_STARTING: /* it never got ready */
        case RESTMARK_SLOT_DRAINING: /* its mercy is over */
                if (now_ms >= slot->deadline_ms + SLOT_LATE_MS) {
                        slot->deadline_ms = now_ms + SLOT_LATE_GRACE_MS;
                        return SLOT_ACTION_NONE;
                }
                return enter(slot, RESTMARK_SLOT_KILLED, 0, SLOT_ACTION_KILL);
        default:
                return SLOT_ACTION_NONE;
        }
}

uint64_t slot_timer_ms(const struct slot *slot) {
        return slot->state == RESTMARK_SLOT_READY && slot->short_lives == 0 ? 0 : slot->deadline_ms;
}

bool slot_has_worker(const struct slot *slot) {
        return slot->state == RESTMARK_SLOT_STARTING || slot->state == RESTMARK_SLOT_READY ||
               slot->state == RESTMARK_SLOT_DRAINING || slot->state == RESTMARK_SLOT_KILLED;
}

bool slot_is_in_crash_loop(const struct slot *slot) {
        return slot->short_lives > SLOT_SHORT_LIVES_FREE;
}

void slots_count(struct slots_tally *tally, const struct slot *slot) {
        if (slot->state == RESTMARK_SLOT_READY)
                tally->ready++;
        else if (is_lost(slot))
                tally->lost++;
        else
                tally->awaited++;
}

enum slots_verdict slots_judge(const struct slots_tally *tally) {
        if (tally->awaited > 0)
                return SLOTS_WAIT;
        return tally->ready > 0 ? SLOTS_SERVE : SLOTS_GIVE_UP;
}

enum slot_action slot_step(struct slot *slot, enum slot_event event, uint64_t now_ms, uint64_t mercy_ms) {
        switch (event) {
        case SLOT_EVENT_START:
                return slot->state == RESTMARK_SLOT_EMPTY && !slot->stopping ? start(slot, now_ms) : SLOT_ACTION_NONE;
        case SLOT_EVENT_READY:
                if (slot->state != RESTMARK_SLOT_STARTING)
                        return SLOT_ACTION_NONE;
                slot->failures = 0;
                slot->limited = false;
                return enter(slot, RESTMARK_SLOT_READY, now_ms + SLOT_HEALTHY_MS, SLOT_ACTION_NONE);
        case SLOT_EVENT_REFUSED:
                if (slot->state == RESTMARK_SLOT_STARTING && slot->failures < SLOT_FAILURES_MAX - 1)
                        slot->failures = SLOT_FAILURES_MAX - 1;
                return on_exited(slot, now_ms);
        case SLOT_EVENT_EXITED:
                return on_exited(slot, now_ms);
        case SLOT_EVENT_TIMER:
                return on_timer(slot, now_ms);
        case SLOT_EVENT_STOP:
                slot->stopping = true;
                if (slot->state == RESTMARK_SLOT_STARTING || slot->state == RESTMARK_SLOT_READY)
                        return enter(slot, RESTMARK_SLOT_DRAINING, now_ms + mercy_ms, SLOT_ACTION_DRAIN);
                if (!slot_has_worker(slot))
                        return enter(slot, RESTMARK_SLOT_STOPPED, 0, SLOT_ACTION_NONE);
                return SLOT_ACTION_NONE;
        case SLOT_EVENT_KILL:
                slot->stopping = true;
                if (slot_has_worker(slot))
                        return enter(slot, RESTMARK_SLOT_KILLED, 0, SLOT_ACTION_KILL);
                return enter(slot, RESTMARK_SLOT_STOPPED, 0, SLOT_ACTION_NONE);
        case SLOT_EVENT_COUNT:
                break;
        }
        return SLOT_ACTION_NONE;
}

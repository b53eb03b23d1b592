#include "master/slot.h"

static enum slot_action enter(struct slot *slot, enum restmark_slot_state state, uint64_t deadline_ms, enum slot_action action) {
        slot->state = state;
        slot->deadline_ms = deadline_ms;
        return action;
}

static enum slot_action start(struct slot *slot, uint64_t now_ms) {
        return enter(slot, RESTMARK_SLOT_STARTING, now_ms + SLOT_START_MS, SLOT_ACTION_FORK);
}

static enum slot_action start_failed(struct slot *slot, uint64_t now_ms) {
        uint64_t wait_ms = SLOT_BACKOFF_MIN_MS;

        slot->failures++;
        if (slot->failures >= SLOT_FAILURES_MAX)
                return enter(slot, RESTMARK_SLOT_STOPPED, 0, SLOT_ACTION_GIVE_UP);
        for (unsigned int i = 1; i < slot->failures && wait_ms < SLOT_BACKOFF_MAX_MS; i++)
                wait_ms *= 2;
        if (wait_ms > SLOT_BACKOFF_MAX_MS)
                wait_ms = SLOT_BACKOFF_MAX_MS;
        return enter(slot, RESTMARK_SLOT_BACKOFF, now_ms + wait_ms, SLOT_ACTION_NONE);
}

static enum slot_action on_exited(struct slot *slot, uint64_t now_ms) {
        if (slot->stopping)
                return enter(slot, RESTMARK_SLOT_STOPPED, 0, SLOT_ACTION_NONE);
        switch (slot->state) {
        case RESTMARK_SLOT_READY:
                return start(slot, now_ms);
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
        case RESTMARK_SLOT_STARTING: /* it never got ready */
        case RESTMARK_SLOT_DRAINING: /* its mercy is over */
                return enter(slot, RESTMARK_SLOT_KILLED, 0, SLOT_ACTION_KILL);
        default:
                return SLOT_ACTION_NONE;
        }
}

bool slot_has_worker(const struct slot *slot) {
        return slot->state == RESTMARK_SLOT_STARTING || slot->state == RESTMARK_SLOT_READY ||
               slot->state == RESTMARK_SLOT_DRAINING || slot->state == RESTMARK_SLOT_KILLED;
}

enum slot_action slot_step(struct slot *slot, enum slot_event event, uint64_t now_ms, uint64_t mercy_ms) {
        switch (event) {
        case SLOT_EVENT_START:
                return slot->state == RESTMARK_SLOT_EMPTY && !slot->stopping ? start(slot, now_ms) : SLOT_ACTION_NONE;
        case SLOT_EVENT_READY:
                if (slot->state != RESTMARK_SLOT_STARTING)
                        return SLOT_ACTION_NONE;
                slot->failures = 0;
                return enter(slot, RESTMARK_SLOT_READY, 0, SLOT_ACTION_NONE);
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

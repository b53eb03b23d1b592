#include "plan/vital.h"

void vital_look(struct vital *vital, uint64_t beat_ms, uint64_t working_since_ms, uint64_t requests, uint64_t now_ms) {
        struct vital seen = { .beat_ms = beat_ms, .working_since_ms = working_since_ms, .requests = requests };

        seen.moved_ms = vital->moved_ms;
        seen.excused_ms = seen.working_since_ms == vital->working_since_ms ? vital->excused_ms : 0;
        if (seen.beat_ms != vital->beat_ms || seen.working_since_ms != vital->working_since_ms || seen.requests != vital->requests)
                seen.moved_ms = now_ms;
        *vital = seen;
}

uint64_t vital_stood_still_ms(uint64_t due_ms, uint64_t now_ms) {
        return now_ms > due_ms + VITAL_LATE_MS ? now_ms - due_ms : 0;
}

void vital_excuse(struct vital *vital, uint64_t stood_still_ms, uint64_t now_ms) {
        const uint64_t silence_ms = now_ms - vital->moved_ms, worked_ms = now_ms - vital->working_since_ms;

        vital->moved_ms += stood_still_ms < silence_ms ? stood_still_ms : silence_ms;
        if (vital->working_since_ms != 0 && vital->working_since_ms < now_ms)
                vital->excused_ms += stood_still_ms < worked_ms ? stood_still_ms : worked_ms;
}

bool vital_is_silent(const struct vital *vital, uint64_t now_ms) {
        return now_ms >= vital->moved_ms + VITAL_SILENCE_MIN_MS;
}

enum vital_verdict vital_judge(const struct vital *vital, uint64_t harakiri_ms, uint64_t now_ms) {
        uint64_t silence_ms = harakiri_ms > VITAL_SILENCE_MIN_MS ? harakiri_ms : VITAL_SILENCE_MIN_MS;

        if (harakiri_ms == 0)
                return VITAL_WELL;
        if (vital->working_since_ms != 0)
                return now_ms >= vital->working_since_ms + vital->excused_ms + harakiri_ms ? VITAL_HARAKIRI : VITAL_WELL;
        return now_ms >= vital->moved_ms + silence_ms ? VITAL_WEDGED : VITAL_WELL;
}

uint64_t vital_interval_ms(uint64_t harakiri_ms) {
        uint64_t interval_ms = harakiri_ms / 4;

        if (harakiri_ms == 0)
                return VITAL_LOOK_MAX_MS;
        return interval_ms < VITAL_LOOK_MIN_MS ? VITAL_LOOK_MIN_MS : interval_ms > VITAL_LOOK_MAX_MS ? VITAL_LOOK_MAX_MS : interval_ms;
}

bool quorum_holds(const struct quorum *quorum) {
        return quorum->dead == 0 || quorum->alive > quorum->dead;
}

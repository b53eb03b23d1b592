/* The line that `systemctl status` shows: how many workers are ready, which generation serves, how many requests a second. */
#ifndef RESTMARK_PLAN_BULLETIN_H
#define RESTMARK_PLAN_BULLETIN_H

#include "fleet/fleet.h"
#include "fleet/intent.h"

enum { BULLETIN_TEXT_MAX = 128, BULLETIN_PERIOD_MS = 5000 };

struct bulletin {
        bool is_heard;  /* by systemd; else nothing is said but that all are ready */
        bool has_begun; /* systemd has been told that all are ready */
        uint64_t requests, counted_ms; /* in all, when they were counted last */
        uint64_t per_second;
        char told[BULLETIN_TEXT_MAX];
};

void plan_bulletin(struct bulletin *bulletin, const struct fleet *fleet, const struct happening *happening, uint64_t now_ms, struct intents *out);

#endif

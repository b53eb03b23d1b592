#include "worker/slack.h"

#include <malloc.h>

#include "base/start_pages.h"
#include "shared/scoreboard.h"

enum {
        LOOK_MS = 2000,       /* between two looks; a walk takes some 0.1 ms for each MiB, so that clients who come and go cannot make it a burden */
        WORTH_CONNECTIONS = 128, /* of some 2 KiB each */
        /* Workers that start together shall not all be away from their clients at once, as what they then do may take some milliseconds. */
        APART_MS = 30,
        APART_MAX = 32, /* slots */
};

bool slack_is_worth(struct slack *s, uint64_t accepted, uint64_t open) {
        uint64_t most = s->open + (accepted - s->accepted);
        bool is_worth;

        if (most > s->held)
                s->held = most;
        is_worth = s->held >= open + WORTH_CONNECTIONS;
        if (is_worth)
                s->held = open;
        s->accepted = accepted;
        s->open = open;
        return is_worth;
}

void slack_begin(struct slack *s, unsigned int slot, uint64_t now_ms) {
        *s = (struct slack){ .due_ms = now_ms + START_PAGES_AFTER_MS + (slot < APART_MAX ? slot : APART_MAX) * APART_MS };
}

int slack_wait_ms(const struct slack *s, uint64_t now_ms) {
        return s->start_is_over ? -1 : s->due_ms > now_ms ? (int)(s->due_ms - now_ms) : 0;
}

void slack_look(struct slack *s, const struct restmark_worker_cell *cell, uint64_t now_ms) {
        if (!s->start_is_over && start_pages_is_alone()) { /* not while a name is looked up, say: then at the next look */
                (void)start_pages_give_back();
                s->start_is_over = true;
        }
        if (slack_is_worth(s, cell_get(&cell->accepted), cell_get(&cell->connections)))
                (void)malloc_trim(0);
        s->due_ms = now_ms + LOOK_MS;
}

#include "plan/plans.h"

/* What one plan wanted: part of the facts before the next plan looks at them. */
static void act(struct plans *p, const struct world *w, uint64_t now_ms) {
        for (size_t i = 0; i < p->intents.n; i++) {
                fleet_change(&p->fleet, &p->intents.list[i], now_ms, &p->queue);
                w->perform(w->context, &p->intents.list[i]);
        }
        intents_clear(&p->intents);
}

static void plan(struct plans *p, const struct world *w, const struct happening *h, uint64_t now_ms) {
        const struct fleet *f = &p->fleet;

        plan_slots(&p->slots, f, h, now_ms, &p->intents);
        act(p, w, now_ms);
        plan_resize(&p->resize, f, h, now_ms, &p->intents);
        act(p, w, now_ms);
        plan_replace(&p->replace, f, h, now_ms, &p->intents);
        act(p, w, now_ms);
        plan_reload(&p->reload, f, h, now_ms, &p->intents);
        act(p, w, now_ms);
        plan_health(&p->health, f, h, now_ms, &p->intents);
        act(p, w, now_ms);
        plan_rotation(&p->rotation, f, h, now_ms, &p->intents);
        act(p, w, now_ms);
        plan_relay(&p->relay, f, h, now_ms, &p->intents);
        act(p, w, now_ms);
        plan_upgrade(&p->upgrade, f, h, now_ms, &p->intents);
        act(p, w, now_ms);
        plan_bulletin(&p->bulletin, f, h, now_ms, &p->intents);
        act(p, w, now_ms);
}

void plans_run(struct plans *p, const struct world *w) {
        struct happening h;

        while (happenings_pop(&p->queue, &h)) {
                uint64_t now_ms = w->now_ms(w->context);

                fleet_apply(&p->fleet, &h, now_ms, &p->queue);
                w->look(w->context, fleet_needs(&h));
                plan(p, w, &h, now_ms);
                happening_release(&h);
        }
}

static uint64_t sooner(uint64_t one_ms, uint64_t other_ms) {
        return one_ms == 0 || (other_ms != 0 && other_ms < one_ms) ? other_ms : one_ms;
}

uint64_t plans_wake_ms(const struct plans *p) {
        uint64_t wake_ms = sooner(fleet_wake_ms(&p->fleet), resize_wake_ms(&p->resize));

        wake_ms = sooner(wake_ms, reload_wake_ms(&p->reload));
        wake_ms = sooner(wake_ms, health_wake_ms(&p->health));
        return sooner(wake_ms, relay_wake_ms(&p->relay));
}

#include "act/act.h"

struct policy act_policy(const struct generation *generation) {
        const struct config *c = generation->config;

        return (struct policy){ .number = generation->number,
                                .n_workers = generation->n_workers,
                                .traces = c->harakiri_ms > 0,
                                .max_connections = c->max_connections,
                                .mercy_ms = c->mercy_ms,
                                .harakiri_ms = c->harakiri_ms,
                                .canary_timeout_ms = c->canary_timeout_ms,
                                .max_requests = c->max_requests,
                                .max_requests_delta = c->max_requests_delta,
                                .max_lifetime_ms = c->max_lifetime_ms,
                                .reload_rss_bytes = c->reload_rss_bytes,
                                .reload_pss_bytes = c->reload_pss_bytes };
}

void act_report(const struct act *act, enum happening_kind kind, unsigned int slot, unsigned int seat, const char *text) {
        happenings_push(act->queue, &(struct happening){ .kind = kind, .slot = slot, .seat = seat, .text = (char *)text });
}

/* What a generation's configuration says that plans go by. */
#ifndef RESTMARK_FLEET_POLICY_H
#define RESTMARK_FLEET_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct policy {
        unsigned int number;    /* of the generation: workers of different ones are told apart by it; 0: none */
        unsigned int n_workers; /* that it asks for */
        bool traces;            /* its workers show their stacks when asked */
        uint64_t max_connections;
        uint64_t mercy_ms, harakiri_ms, canary_timeout_ms;
        uint64_t max_requests, max_requests_delta, max_lifetime_ms, reload_rss_bytes, reload_pss_bytes; /* 0: no limit */
};

#endif

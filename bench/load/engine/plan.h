/* What a run is to do. Nothing of it changes while it runs. */
#ifndef RESTMARK_LOAD_ENGINE_PLAN_H
#define RESTMARK_LOAD_ENGINE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "config/cpu_list.h"
#include "engine/address.h"
#include "wire/expect.h"
#include "wire/request.h"

struct load_plan {
        struct address address;
        struct request_mix mix;
        struct expectation expected[REQUEST_TARGETS_MAX];
        uint16_t status; /* that answers have to have; 0: any of 200 to 299 */
        struct cpu_list cpus;
        uint32_t threads, connections, depth;
        uint64_t duration_ns; /* of sending; 0: until `requests` are sent */
        uint64_t requests;    /* 0: as many as `duration_ns` has room for */
        uint64_t timeout_ns;  /* from sending to the end of the answer */
        uint64_t think_ns;    /* between an answer and the connection's next request */
        uint64_t reconnect;   /* answers on one connection; 0: no limit */
        double rate;          /* requests a second; 0: closed loop */
        bool poisson;
        uint64_t seed;
        uint32_t part, parts; /* of the requests, which this process sends: those whose number is `part` modulo `parts` */
};

/* Whether answers with this status are right. */
static inline bool plan_accepts(const struct load_plan *p, uint16_t status) {
        return p->status ? status == p->status : status >= 200 && status <= 299;
}

#endif

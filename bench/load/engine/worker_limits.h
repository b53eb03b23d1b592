/* Sizes and times of a worker. */
#ifndef RESTMARK_LOAD_ENGINE_WORKER_LIMITS_H
#define RESTMARK_LOAD_ENGINE_WORKER_LIMITS_H

enum {
        WORKER_IN_BYTES = 256 * 1024,       /* one recv(): more than the largest body of the workloads */
        WORKER_EVENTS = 256,                /* one epoll_wait() */
        WORKER_REST_NS = 20 * 1000 * 1000,  /* before a connection that failed is opened again */
        WORKER_SWEEP_NS = 50 * 1000 * 1000, /* between two looks for what takes too long, at most */
        WORKER_SWEEPS = 8,                  /* at least so many in one time-out */
};

#endif

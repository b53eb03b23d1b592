/* The scoreboard: what the master and the workers of one restmarkd tell about themselves in shared memory.
 *
 * A slot has two seats, so that a worker can be replaced before it leaves: `slot.primary` says which seat's worker is the slot's
 * own; the other is empty, or its worker is on probation or leaving.
 *
 * The master alone writes all of this, and no worker has it in its memory. What workers count stands in cells of their own, each in a
 * memory file of its own; the master copies it to `workers` here, when somebody asks and at least once a second, as far as it can be
 * true (shared/cell.h). Readers take no lock: each number is right by itself, and numbers that belong together may be one request apart.
 *
 * Numbers only grow during a worker's life. When it dies the master adds them to `slot.past`. */
#ifndef RESTMARK_SCOREBOARD_H
#define RESTMARK_SCOREBOARD_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#define RESTMARK_SCOREBOARD_MAGIC 0x72657374u /* "rest" */
#define RESTMARK_SCOREBOARD_VERSION 7u
#define RESTMARK_CACHE_LINE 64
#define RESTMARK_SLOTS_MAX 256
#define RESTMARK_SEATS 2
#define RESTMARK_STACK_MAX 31
#define RESTMARK_LISTEN_MAX 16
#define RESTMARK_LISTEN_TEXT_MAX 120

enum restmark_route {
        RESTMARK_ROUTE_WELCOME,
        RESTMARK_ROUTE_PARSE_MSGPACK,
        RESTMARK_ROUTE_ENCODE_JSON,
        RESTMARK_ROUTE_TRANSFER_DATA,
        RESTMARK_ROUTE_MILLION_LOOP,
        RESTMARK_ROUTE_VALIDATE,
        RESTMARK_ROUTE_WAIT,
        RESTMARK_ROUTE_RECORD,
        RESTMARK_ROUTE_SIBLING, /* the 99 beside it */
        RESTMARK_ROUTE_DB_RECORD,
        RESTMARK_ROUTE_DB_RECORDS,
        RESTMARK_ROUTE_DB_SEARCH,
        RESTMARK_ROUTE_DB_UPDATE,
        RESTMARK_ROUTE_CACHE_RECORDS,
        RESTMARK_ROUTE_CACHE_JSON,
        RESTMARK_ROUTE_OTHER, /* what no route took: 404, malformed requests */
        RESTMARK_ROUTE_COUNT
};

/* How long requests take is counted in buckets: bucket i holds those of at most limit i, the last one all that are longer. Three limits
 * to a power of ten, from a microsecond (the fastest answer takes a few) to ten seconds, tell twice the time apart from once; with its
 * sum the whole histogram of a route then fits into three cache lines. */
#define RESTMARK_DURATION_LIMITS_NS \
        { \
                UINT64_C(1000), UINT64_C(2000), UINT64_C(5000), UINT64_C(10000), UINT64_C(20000), UINT64_C(50000), UINT64_C(100000), \
                UINT64_C(200000), UINT64_C(500000), UINT64_C(1000000), UINT64_C(2000000), UINT64_C(5000000), UINT64_C(10000000), \
                UINT64_C(20000000), UINT64_C(50000000), UINT64_C(100000000), UINT64_C(200000000), UINT64_C(500000000), \
                UINT64_C(1000000000), UINT64_C(2000000000), UINT64_C(5000000000), UINT64_C(10000000000) \
        }
#define RESTMARK_DURATION_LIMITS 22
#define RESTMARK_DURATION_BUCKETS (RESTMARK_DURATION_LIMITS + 1)

/* Why a connection has ended without an answer to the last that came, or did not come, from its client; names in shared/status_names.c. */
enum restmark_close {
        RESTMARK_CLOSE_IDLE,    /* no request came in time */
        RESTMARK_CLOSE_EVICTED, /* no request was there, and another client waited for its place */
        RESTMARK_CLOSE_TIMEOUT, /* a request, or the part of it that came, took too long */
        RESTMARK_CLOSE_GONE,    /* the client went away, or its connection broke, in the middle of a request */
        RESTMARK_CLOSE_TLS,     /* it began with TLS */
        RESTMARK_CLOSE_BINARY,  /* it began with what is no text */
        RESTMARK_CLOSE_PROTOCOL, /* what came to the RPC port was no call */
        RESTMARK_CLOSE_COUNT
};

struct restmark_route_cell {
        alignas(RESTMARK_CACHE_LINE) _Atomic uint64_t requests; /* answered or aborted */
        _Atomic uint64_t errors_4xx;
        _Atomic uint64_t errors_5xx;
        _Atomic uint64_t aborted; /* the connection broke, or the request timed out, before the answer was sent */
        _Atomic uint64_t bytes;   /* of bodies sent */
        _Atomic uint64_t busy_ns; /* spent on workloads */
        /* From the request line to the end of the answer, or to where the request was aborted: one count for each of `requests`. */
        _Atomic uint64_t duration_ns; /* the sum */
        _Atomic uint64_t durations[RESTMARK_DURATION_BUCKETS];
};

/* Servers that requests wait for; names in shared/status_names.c. */
enum restmark_store {
        RESTMARK_STORE_DATABASE,
        RESTMARK_STORE_CACHE,
        RESTMARK_STORE_COUNT
};

/* What a worker has asked one of them. */
struct restmark_store_cell {
        _Atomic uint64_t connections; /* open now */
        _Atomic uint64_t busy;        /* questions that are asked now … */
        _Atomic uint64_t waiting;     /* … and that wait for a connection */
        _Atomic uint64_t good;        /* questions that were answered, also with "there is no such record" */
        _Atomic uint64_t away;        /* that were not, as the server could not be reached or was lost */
        _Atomic uint64_t refused;     /* as too many waited */
        _Atomic uint64_t late;        /* as the server has given up */
        _Atomic uint64_t wrong;       /* as the answer was none */
        _Atomic uint64_t forgotten;   /* whose request had timed out, or had no client any more */
        _Atomic uint64_t connects;    /* connections made … */
        _Atomic uint64_t lost;        /* … and lost, or attempts that have failed */
        _Atomic uint64_t wait_ns;     /* questions have waited for a connection: the sum */
        /* From a question that was sent to its answer: one count for each that was sent and neither lost nor forgotten. */
        _Atomic uint64_t duration_ns; /* the sum */
        _Atomic uint64_t durations[RESTMARK_DURATION_BUCKETS];
};

struct restmark_worker_cell {
        alignas(RESTMARK_CACHE_LINE) _Atomic uint64_t accepted; /* connections */
        _Atomic uint64_t connections;                           /* open now */
        _Atomic uint64_t closes[RESTMARK_CLOSE_COUNT];          /* connections ended unanswered */
        _Atomic uint64_t waiting; /* requests that are suspended now, see [workloads] wait */
        _Atomic uint64_t request_bodies_bytes; /* memory that the bodies take which are coming in or being used, see [limits] body-memory */
        _Atomic uint64_t lost_log_lines;                        /* of the access log: they could not be written */
        _Atomic uint64_t rpc_calls;       /* of the requests of all routes: those that came as calls, see [rpc] listen */
        _Atomic uint64_t rpc_connections; /* of those open now: to the RPC port */
        _Atomic uint64_t taken_over; /* of those accepted: out of the queues of slots without a worker, by way of the master */
        _Atomic uint64_t beat_ms; /* when the worker's loop last turned, CLOCK_MONOTONIC; at least once a second; 0: not yet */
        /* The workload that runs at this moment. Read it with scoreboard_read_work(): the fields change under the reader. */
        _Atomic uint64_t working_since_ms; /* CLOCK_MONOTONIC; 0: none runs, and the rest means nothing */
        _Atomic uint64_t working_route;    /* enum restmark_route */
        _Atomic uint64_t working_count;    /* its parameters, given or by default: of the record workloads … */
        _Atomic uint64_t working_n;        /* … and of the loop */
        _Atomic uint64_t working_seed;
        struct restmark_route_cell routes[RESTMARK_ROUTE_COUNT];
        alignas(RESTMARK_CACHE_LINE) struct restmark_store_cell stores[RESTMARK_STORE_COUNT];
        /* Where it was when the master asked, the innermost first: addresses in the program that the master is too. */
        alignas(RESTMARK_CACHE_LINE) _Atomic uint64_t stack_depth; /* 0: it was not asked, or has not answered */
        _Atomic uint64_t stack[RESTMARK_STACK_MAX];
};

/* In the order of a slot's life; names in shared/status.c. */
enum restmark_slot_state {
        RESTMARK_SLOT_EMPTY,
        RESTMARK_SLOT_STARTING, /* forked, not yet ready */
        RESTMARK_SLOT_READY,
        RESTMARK_SLOT_BACKOFF, /* waits before the next start */
        RESTMARK_SLOT_DRAINING,
        RESTMARK_SLOT_KILLED, /* SIGKILL sent, death not yet seen */
        RESTMARK_SLOT_STOPPED,
        RESTMARK_SLOT_STATE_COUNT
};

/* What a worker's end is put down to; names in shared/status.c. */
enum restmark_cause {
        RESTMARK_CAUSE_CRASH,        /* a signal or an exit that nobody has asked for */
        RESTMARK_CAUSE_START,        /* it ended before it was ready */
        RESTMARK_CAUSE_HARAKIRI,     /* killed: a request ran too long */
        RESTMARK_CAUSE_WEDGED,       /* killed: its heart had stopped */
        RESTMARK_CAUSE_MAX_REQUESTS, /* recycled, as are the next three */
        RESTMARK_CAUSE_LIFETIME,
        RESTMARK_CAUSE_RSS,
        RESTMARK_CAUSE_PSS,
        RESTMARK_CAUSE_DRAIN, /* somebody asked for it */
        RESTMARK_CAUSE_RELOAD,
        RESTMARK_CAUSE_SCALE, /* its slot is no more */
        RESTMARK_CAUSE_STOP,  /* the daemon stops */
        RESTMARK_CAUSE_COUNT
};

/* As of `sampled_ms`; the master samples when somebody asks. */
struct restmark_memory_cell {
        _Atomic uint64_t sampled_ms; /* CLOCK_MONOTONIC; 0: not known, and the rest means nothing */
        _Atomic uint64_t rss_bytes;  /* resident */
        _Atomic uint64_t pss_bytes;  /* shared pages divided by the number of processes that share them */
        _Atomic uint64_t uss_bytes;  /* shared with nobody */
};

struct restmark_seat_cell {
        _Atomic uint32_t state; /* enum restmark_slot_state */
        _Atomic uint32_t pid;   /* 0: no worker */
        _Atomic uint32_t generation;
        _Atomic uint64_t started_ms; /* of the worker, Unix time */
        _Atomic uint64_t unresponsive_since_ms; /* Unix time of its last sign of life, when that is too long ago; 0: it responds */
        _Atomic uint32_t failed_starts; /* in a row */
        _Atomic uint32_t short_lives;   /* workers in a row that died as soon as they were ready */
        _Atomic uint32_t is_in_crash_loop; /* by these */
        _Atomic uint64_t next_start_ms; /* CLOCK_MONOTONIC, in back-off; else 0 */
        struct restmark_memory_cell memory;
};

/* A listening socket, sampled like the memory. */
struct restmark_queue_cell {
        _Atomic uint64_t waiting; /* connections that no worker has accepted yet */
        _Atomic uint64_t limit;   /* of these; 0: not known, and the rest means nothing */
        _Atomic uint64_t drops;   /* connections that the kernel has turned away or lost, such as for a full queue */
};

struct restmark_slot_cell {
        alignas(RESTMARK_CACHE_LINE) struct restmark_seat_cell seats[RESTMARK_SEATS];
        _Atomic uint32_t primary;         /* index of the seat */
        _Atomic uint32_t restarts;        /* workers that replaced one that had died */
        _Atomic uint32_t ends[RESTMARK_CAUSE_COUNT]; /* the slot's dead workers, by cause */
        struct restmark_queue_cell queues[RESTMARK_LISTEN_MAX]; /* in the order of the head's `listen` */
        struct restmark_worker_cell past; /* sums over the slot's dead workers; `connections` stays 0 */
};

struct restmark_slot {
        struct restmark_slot_cell slot;
        struct restmark_worker_cell workers[RESTMARK_SEATS]; /* the master's copies */
};

struct restmark_scoreboard {
        alignas(RESTMARK_CACHE_LINE) uint32_t magic;
        uint32_t version;
        uint32_t slot_size; /* bytes of one struct restmark_slot */
        _Atomic uint32_t n_slots;
        _Atomic uint32_t n_slots_used; /* now or ever: the slots above n_slots are empty, but their past counts */
        _Atomic uint32_t master_pid;
        _Atomic uint32_t generation;
        _Atomic uint32_t stopping;
        uint32_t n_listen;
        _Atomic uint64_t started_ms; /* of the master, Unix time */
        _Atomic uint64_t reloads_ok, reloads_failed;
        struct restmark_memory_cell memory; /* of the master */
        char listen[RESTMARK_LISTEN_MAX][RESTMARK_LISTEN_TEXT_MAX];
        struct restmark_slot slots[RESTMARK_SLOTS_MAX];
};

#endif

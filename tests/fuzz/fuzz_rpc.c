/* Any bytes, in any pieces, as what a client sends to the RPC port: the whole server of calls, driven in this process over a pair of sockets.
 *
 * What must hold: no crash; every answer is a whole one, to an id that has come; the same answers, in whatever order, if all comes at once; what is
 * counted agrees; a client that ends its side is let go, and nothing is left of it: no connection, descriptor or memory. The first byte says how many
 * bytes a piece has, the second whether the client ends its side or leaves. */
#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "data/dataset.h"
#include "fuzz.h"
#include "gate/bodies.h"
#include "rpc/server.h"
#include "shared/scoreboard.h"
#include "work/work.h"

enum { INPUT_MAX = 1 << 14, RECORDS = 24, OUT_MAX = 1 << 24, TURNS_MAX = 100000, NOW_MS = 1000000 };

static struct dataset *dataset;
static struct work *work;
static struct restmark_worker_cell cell;
static struct server *server;
static struct rpc_server *rpc;
static char *out;

static const struct server_limits limits = { .max_connections = 4,
                                             .idle_timeout_ms = 60000,
                                             .request_timeout_ms = 60000,
                                             .limit_post_bytes = 2000,
                                             .limit_body_bytes = 3000,
                                             .body_memory_bytes = 1 << 30,
                                             .max_header_bytes = 1024,
                                             .access_log_sample = 1 };

/* What the fuzzer asks for is not what takes its time. */
int64_t __wrap_loop_run(uint64_t n, uint32_t seed);
int64_t __real_loop_run(uint64_t n, uint32_t seed);
int64_t __wrap_loop_run(uint64_t n, uint32_t seed) {
        return __real_loop_run(n < 50 ? n : 50, seed);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        struct error e;

        (void)argc;
        (void)argv;
        log_open(LOG_TARGET_STDERR, LOG_ERR);
        out = malloc(OUT_MAX);
        MUST(out && dataset_new(NULL, RECORDS, CODEC_STRUCT, &dataset, &e) == 0 && work_new(dataset, CODEC_STRUCT, &work, &e) == 0);
        MUST(server_new(&(struct server_parts){ .limits = &limits, .work = work, .dataset = dataset, .cell = &cell, .access_log_fd = -1 }, &server, &e) == 0);
        MUST(rpc_server_new(&(struct rpc_parts){ .limits = &limits, .server = server, .work = work, .dataset = dataset, .cell = &cell }, &rpc, &e) == 0);
        return 0;
}

struct outcome {
        size_t answers;
        uint64_t sum; /* of what they say, in whatever order */
        bool has_ended;
};

static size_t receive(int fd, size_t have, bool *ret_ended) {
        ssize_t n;

        while ((n = recv(fd, out + have, OUT_MAX - have, MSG_DONTWAIT)) > 0)
                have += (size_t)n;
        *ret_ended |= n == 0 || (n < 0 && errno != EAGAIN);
        MUST(have < OUT_MAX);
        return have;
}

/* FNV-1a */
static uint64_t hash(const char *bytes, size_t length) {
        uint64_t h = UINT64_C(14695981039346656037);

        for (size_t i = 0; i < length; i++)
                h = (h ^ (uint8_t)bytes[i]) * UINT64_C(1099511628211);
        return h;
}

static void read_answers(size_t length, struct outcome *o) {
        msgpack_unpacked unpacked;
        size_t offset = 0, before = 0;

        msgpack_unpacked_init(&unpacked);
        while (offset < length) {
                const msgpack_object *whole = &unpacked.data;

                MUST(msgpack_unpack_next(&unpacked, out, length, &offset) == MSGPACK_UNPACK_SUCCESS);
                MUST(whole->type == MSGPACK_OBJECT_ARRAY && whole->via.array.size == 4 && whole->via.array.ptr[0].via.u64 == 1);
                MUST(whole->via.array.ptr[1].type == MSGPACK_OBJECT_POSITIVE_INTEGER && whole->via.array.ptr[1].via.u64 <= UINT32_MAX);
                if (whole->via.array.ptr[2].type == MSGPACK_OBJECT_NIL)
                        MUST(whole->via.array.ptr[3].type == MSGPACK_OBJECT_STR);
                else
                        MUST(whole->via.array.ptr[2].via.array.size == 2 && whole->via.array.ptr[2].via.array.ptr[0].via.u64 >= 400);
                o->answers++;
                o->sum += hash(out + before, offset - before);
                before = offset;
        }
        msgpack_unpacked_destroy(&unpacked);
}

static uint64_t count_requests(void) {
        uint64_t n = 0;

        for (int i = 0; i < RESTMARK_ROUTE_COUNT; i++)
                n += cell_get(&cell.routes[i].requests);
        return n;
}

static void run(const char *bytes, size_t length, size_t step, bool leaves, struct outcome *o) {
        const int lowest = fuzz_free_descriptor();
        const uint64_t before = count_requests();
        const struct sockaddr peer = { .sa_family = AF_UNIX };
        size_t sent = 0, have = 0;
        int pair[2];

        *o = (struct outcome){ 0 };
        MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
        rpc_server_add(rpc, pair[1], &peer, NOW_MS);
        for (int turn = 0; !o->has_ended && sent < length; turn++) {
                size_t n = length - sent < step ? length - sent : step;
                ssize_t taken = send(pair[0], bytes + sent, n, MSG_NOSIGNAL | MSG_DONTWAIT);

                MUST(turn < TURNS_MAX);
                if (taken < 0 && errno != EAGAIN)
                        break;
                sent += taken > 0 ? (size_t)taken : 0;
                rpc_server_run(rpc, NOW_MS);
                have = receive(pair[0], have, &o->has_ended);
        }
        if (leaves)
                (void)close(pair[0]);
        else
                (void)shutdown(pair[0], SHUT_WR);
        for (int turn = 0; !rpc_server_is_empty(rpc); turn++) {
                REQUIRE(turn < TURNS_MAX, "the client has ended its side, and is not let go");
                rpc_server_run(rpc, NOW_MS + (turn > 1000 ? 40000 : 0)); /* what lingers has a time of its own */
                if (!leaves)
                        have = receive(pair[0], have, &o->has_ended);
        }
        if (!leaves) {
                have = receive(pair[0], have, &o->has_ended);
                read_answers(have, o);
                MUST(o->has_ended);
                (void)close(pair[0]);
                MUST(o->answers <= count_requests() - before + 1); /* the last may be to what is none */
        }
        MUST(cell_get(&cell.connections) == 0 && cell_get(&cell.rpc_connections) == 0 && cell_get(&cell.waiting) == 0);
        MUST(cell_get(&cell.rpc_calls) == count_requests());
        MUST(server_body_memory(server)->used_bytes == 0);
        MUST(fuzz_free_descriptor() == lowest);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        struct outcome whole, parts;

        if (length < 3 || length > INPUT_MAX)
                return 0;
        run((const char *)bytes + 2, length - 2, length, false, &whole);
        run((const char *)bytes + 2, length - 2, bytes[0] % 64 + 1u, bytes[1] % 2 == 1, &parts);
        if (bytes[1] % 2 == 0)
                REQUIRE(whole.answers == parts.answers && whole.sum == parts.sum, "%zu answers to what comes at once, %zu in pieces", whole.answers, parts.answers);
        return 0;
}

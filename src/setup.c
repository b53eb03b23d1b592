#include "setup.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "act/account.h"
#include "base/calls.h"
#include "base/fd.h"
#include "base/log.h"
#include "codec/json_record.h"
#include "config/cpu_quota.h"
#include "http/route.h"
#include "mhd/zero_copy.h"
#include "worker/trace.h"

_Static_assert(CODEC_STRUCT == 0 && CODEC_TREE == 1, "the words of option.c stand for these");

int setup_blame(int exit_code, const struct config *config, enum option_id id, struct error *e) {
        char where[4200];

        (void)error_prefix(e, -1, "%s", config_where(config, id, where, sizeof where));
        return exit_code;
}

int setup_adopt(struct config *config, struct setup **ret, struct error *e) {
        struct setup *setup = calloc(1, sizeof *setup);

        if (!setup) {
                (void)config_free(config);
                (void)error_set_errno(e, ENOMEM, "cannot keep the configuration");
                return EX_OSERR;
        }
        setup->generation = (struct generation){ .config = config, .access_log_fd = -1 };
        setup->config = config;
        *ret = setup;
        return EX_OK;
}

int setup_new(const struct setup_source *source, struct setup **ret, struct error *e) {
        struct config *config;

        if (config_load(source->config_path, source->overrides, source->n_overrides, &config, e) < 0)
                return EX_CONFIG;
        return setup_adopt(config, ret, e);
}

static int count_workers(struct setup *setup, struct error *e) {
        const struct config *c = setup->config;
        struct cpu_quota quota;
        cpu_set_t cpus;

        setup->n_workers = (unsigned int)c->processes;
        if (setup->n_workers > 0)
                return EX_OK;
        CPU_ZERO(&cpus);
        if (sched_getaffinity(0, sizeof cpus, &cpus) < 0) {
                (void)error_set_errno(e, errno, "cannot count this machine's CPUs: set a number");
                return setup_blame(EX_OSERR, c, OPTION_processes, e);
        }
        setup->n_workers = CPU_COUNT(&cpus) < RESTMARK_SLOTS_MAX ? (unsigned int)CPU_COUNT(&cpus) : RESTMARK_SLOTS_MAX;
        if (cpu_quota_find("", &quota) && cpu_quota_ceil(&quota) < setup->n_workers) {
                setup->n_workers = (unsigned int)cpu_quota_ceil(&quota);
                log_message(LOG_NOTICE, "[server] processes = auto: %u worker%s, as %s has a quota of %.2f CPUs; CPUs that may be used: %d",
                            setup->n_workers, setup->n_workers == 1 ? "" : "s", quota.group,
                            (double)quota.quota_us / (double)quota.period_us, CPU_COUNT(&cpus));
        }
        return EX_OK;
}

int setup_find_cpus(const struct config *c, struct cpu_list *ret, struct error *e) {
        const char *text = c->balance == BALANCE_CPU && strcmp(c->cpu_affinity, "off") == 0 ? "auto" : c->cpu_affinity;

        return cpu_list_parse(text, ret, e) < 0 ? setup_blame(EX_CONFIG, c, OPTION_cpu_affinity, e) : EX_OK;
}

/* Asked for by default, it is done without where it cannot be had. */
static bool can_send_files(void) {
        struct error e;

        if (zero_copy_check(&e) == 0)
                return true;
        log_message(LOG_NOTICE, "[server] zero-copy = yes cannot be had, and bodies are copied: %s", e.text);
        return false;
}

int setup_check(struct setup *setup, struct error *e) {
        const struct config *c = setup->config;
        struct cpu_list ignored; /* for another daemon's start; a wrong one is said now */
        enum option_id bad;

        if (calls_check(e) < 0 || fd_size_budget(sizeof(struct restmark_scoreboard), e) < 0)
                return EX_OSERR;
        if (account_find(c->user, c->group, &setup->account, e) < 0)
                return setup_blame(EX_CONFIG, c, *c->user ? OPTION_user : OPTION_group, e);
        setup->limits = (struct server_limits){ .max_connections = c->max_connections,
                                                .idle_timeout_ms = c->idle_timeout_ms,
                                                .request_timeout_ms = c->request_timeout_ms,
                                                .limit_post_bytes = c->limit_post_bytes,
                                                .limit_body_bytes = c->limit_body_bytes,
                                                .body_memory_bytes = c->body_memory_bytes,
                                                .max_header_bytes = c->max_header_bytes,
                                                .access_log_sample = c->access_log_sample,
                                                .slow_request_ms = c->slow_request_ms,
                                                .zero_copy = c->zero_copy && can_send_files(),
                                                .suspends = c->wait || *c->database_url || *c->cache_url,
                                                .waits = c->wait };
        if (stores_prepare(c, &setup->stores, &bad, e) < 0)
                return setup_blame(EX_CONFIG, c, bad, e);
        if (setup_find_cpus(c, &ignored, e) != EX_OK)
                return EX_CONFIG;
        return count_workers(setup, e);
}

int setup_make_dataset(struct setup *setup, struct error *e) {
        const struct config *c = setup->config;
        int r = dataset_new(*c->dataset ? c->dataset : NULL, c->records, (enum codec)c->codec, &setup->dataset, e);

        if (r < 0)
                return setup_blame(r == -EIO ? EX_OSERR : EX_DATAERR, c, *c->dataset ? OPTION_dataset : OPTION_records, e);
        return EX_OK;
}

int setup_budget(const struct config *c, unsigned int n_workers, struct error *e) {
        /* One more than a worker's connections: listeners, event descriptors, lingering sockets and the like. While workers are replaced the
         * master has two of them in a slot: two links, two cells, and a private connection to the new one. */
        enum { OTHERS = 128, CALLERS_LINGERING = 72 };
        const size_t n_listen = c->listen.n + c->rpc_listen.n;
        uint64_t master = n_workers * (n_listen + 6), worker = c->max_connections + n_listen + (*c->database_url ? c->database_pool : 0);
        const uint64_t others = OTHERS + (c->rpc_listen.n > 0 ? CALLERS_LINGERING : 0);

        if (fd_budget((master > worker ? master : worker) + others, e) < 0)
                return setup_blame(EX_OSERR, c, OPTION_max_connections, e);
        return EX_OK;
}

int setup_make_room(void *context, const struct config *config, unsigned int n_workers, struct error *e) {
        (void)context;
        return -setup_budget(config, n_workers, e);
}

static int open_access_log(struct setup *setup, struct error *e) {
        return generation_open_log(&setup->generation, e) < 0 ? EX_OSERR : EX_OK;
}

int setup_open(struct setup *setup, unsigned int n_workers, struct error *e) {
        int r = setup_budget(setup->config, n_workers, e);

        return r == EX_OK ? open_access_log(setup, e) : r;
}

static void release(struct setup *setup) {
        setup->generation.access_log_fd = fd_close(setup->generation.access_log_fd);
        setup->dataset = dataset_free(setup->dataset);
}

static void release_setup(void *owner) {
        struct setup *setup = owner;

        if (setup->is_kept)
                release(setup);
        else
                (void)setup_free(setup);
}

struct generation *setup_generation(struct setup *setup) {
        if (setup->config->harakiri_ms > 0)
                trace_prime(); /* for all workers that will be forked, as … */
        setup->stores.options.cache.values_max = setup->dataset->n_records;
        (void)route_table(); /* … without memory for which they will not start, and say so */
        setup->generation = (struct generation){
                .references = 1,
                .config = setup->config,
                .n_workers = setup->n_workers,
                .dataset = setup->dataset,
                .limits = &setup->limits,
                .stores = &setup->stores.options,
                .account = &setup->account,
                .access_log_fd = setup->generation.access_log_fd,
                .master_pid = getpid(),
                .expect = { .n_records = setup->dataset->n_records,
                            .json_bytes = setup->dataset->json_length,
                            .record_bytes = setup->dataset->n_records > 0 ? json_record_length(setup->dataset->records) : 0,
                            .body_bytes_max = setup->config->limit_body_bytes,
                            .can_wait = setup->config->wait },
                .release = release_setup,
                .owner = setup,
        };
        return &setup->generation;
}

int setup_load(void *context, struct generation **ret, struct error *e) {
        const struct setup_source *source = context;
        struct setup *setup;
        int r = setup_new(source, &setup, e);

        if (r != EX_OK)
                return -r;
        r = setup_check(setup, e);
        if (r == EX_OK)
                r = setup_make_dataset(setup, e);
        if (r == EX_OK)
                r = setup_open(setup, setup->n_workers, e);
        if (r != EX_OK) {
                (void)setup_free(setup);
                return -r;
        }
        *ret = setup_generation(setup);
        return 0;
}

int setup_probe(void *context, const struct config *config, struct error *e) {
        struct setup setup = { .config = (struct config *)(uintptr_t)config, /* which no step writes to */
                               .generation = { .config = config, .access_log_fd = -1 } };
        int r = setup_check(&setup, e);

        (void)context;
        if (r == EX_OK)
                r = setup_make_dataset(&setup, e);
        if (r == EX_OK)
                r = open_access_log(&setup, e);
        release(&setup);
        return -r;
}

struct setup *setup_free(struct setup *setup) {
        if (!setup)
                return NULL;
        release(setup);
        (void)config_free(setup->config);
        free(setup);
        return NULL;
}

/* What a configuration becomes: the account, the dataset and the limits that workers get. Made step by step, as `restmarkd -t`,
 * `--write-dataset`, a start and a reload need more or less of it. */
#ifndef RESTMARK_SETUP_H
#define RESTMARK_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "act/generation.h"
#include "base/error.h"
#include "config/config.h"
#include "config/cpu_list.h"
#include "data/dataset.h"
#include "http/server.h"
#include "stores.h"

/* Where configurations come from: the command line. Its texts are borrowed. */
struct setup_source {
        const char *config_path; /* NULL: none */
        const char *const *overrides;
        size_t n_overrides;
};

struct setup {
        struct generation generation; /* its `release` frees the whole; it has the access log from the beginning */
        struct config *config;
        unsigned int n_workers;
        bool is_kept; /* who made it frees it; the end of the generation only gives back what workers needed */
        struct account account;
        struct server_limits limits;
        struct stores stores;
        struct dataset *dataset;
};

/* Each step returns 0 (EX_OK), or an exit code of sysexits.h with a sentence that names file and line. */

/* Reads the configuration. On success the caller owns *ret, and frees it with setup_free() or, as a generation, by its reference. */
int setup_new(const struct setup_source *source, struct setup **ret, struct error *e);

/* The same with a configuration that is there already: it belongs to *ret, and on failure it is freed. */
int setup_adopt(struct config *config, struct setup **ret, struct error *e);

/* The user, the group, the limits, the number of workers. */
int setup_check(struct setup *setup, struct error *e);

/* The CPUs that workers are to be pinned to; none if they are not. */
int setup_find_cpus(const struct config *config, struct cpu_list *ret, struct error *e);

int setup_make_dataset(struct setup *setup, struct error *e);

/* What is opened for workers, and room for their descriptors. */
int setup_open(struct setup *setup, unsigned int n_workers, struct error *e);

/* Makes `setup->generation` complete, after all the steps; it has one reference, the caller's. */
struct generation *setup_generation(struct setup *setup);

/* All steps: the `load` of struct generation_source; `context` is a struct setup_source. */
int setup_load(void *context, struct generation **ret, struct error *e);

/* The same as config_where() as a prefix of the sentence in `e`. Returns `exit_code`. */
int setup_blame(int exit_code, const struct config *config, enum option_id id, struct error *e);

/* Raises the limit of open files as far as `n_workers` workers and the master need. */
int setup_budget(const struct config *config, unsigned int n_workers, struct error *e);

/* The same as the `budget` of struct generation_source. */
int setup_make_room(void *context, const struct config *config, unsigned int n_workers, struct error *e);

/* The same as the `probe` of struct generation_source. */
int setup_probe(void *context, const struct config *config, struct error *e);

/* NULL-safe; returns NULL. */
struct setup *setup_free(struct setup *setup);

#endif

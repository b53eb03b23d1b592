/* The configuration: options.def as one validated struct that does not change once it is made. */
#ifndef RESTMARK_CONFIG_CONFIG_H
#define RESTMARK_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "config/listen.h"
#include "config/option.h"

#define CONFIG_FIELD_COUNT uint64_t
#define CONFIG_FIELD_COUNT_AUTO uint64_t
#define CONFIG_FIELD_SIZE uint64_t
#define CONFIG_FIELD_TIME uint64_t
#define CONFIG_FIELD_TEXT char *
#define CONFIG_FIELD_LISTEN struct listen_list
#define CONFIG_FIELD_BALANCE int
#define CONFIG_FIELD_CODEC int
#define CONFIG_FIELD_LEVEL int
#define CONFIG_FIELD_TARGET int
#define CONFIG_FIELD_SWITCH int

/* How new connections are spread over workers. */
enum balance {
        BALANCE_REUSEPORT, /* each has its own listening sockets, and the kernel chooses one at random */
        BALANCE_SHARED,    /* all watch the same ones */
        BALANCE_CPU,       /* each has its own, is pinned to a CPU, and gets what that CPU receives */
};

struct config {
#define OPTION(section, key, field, kind, ...) CONFIG_FIELD_##kind field;
#include "config/options.def"
#undef OPTION
        /* Where each value was written ("/etc/restmark/restmarkd.ini:12", "-o log.level=debug"), NULL for a default: for messages about values
         * that turn out to be wrong later, when they are used. */
        char *origin[OPTION_COUNT];
};

/* Reads the INI file `path` (NULL: none), then lets each of the `n_overrides` "section.key=value" texts replace what it says.
 * What neither says has its default. On success the caller owns *ret. Errors name file and line, or the override. */
int config_load(const char *path, const char *const *overrides, size_t n_overrides, struct config **ret, struct error *e);

/* NULL-safe; returns NULL. */
struct config *config_free(struct config *config);

/* "FILE:LINE: [section] key: " for messages; "[section] key: " for a default. `text` has `size` bytes; returns `text`. */
const char *config_where(const struct config *config, enum option_id id, char *text, size_t size);

/* Whether an option has another value. */
bool config_differs(const struct config *one, const struct config *other, enum option_id id);

/* The options in which `now` differs from `boot`, the configuration that a daemon was started with, and which only a restart applies:
 * "[server] listen, [server] backlog", cut off at `size` bytes; "" for none. */
void config_pending(const struct config *boot, const struct config *now, char *text, size_t size);

/* Writes the effective configuration as an INI file that config_load() reads back. */
void config_dump(const struct config *config, FILE *to);

/* Writes the commented default configuration, which is etc/restmarkd.ini. */
void config_write_default(FILE *to);

#endif

#include "config/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/files.h"
#include "config/raw.h"

/* "section.key=value" */
static int take_override(struct raw_config *raw, const char *text, struct error *e) {
        const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
        char section[32], key[64], origin[256];
        int id;

        if (!dot || !equals || dot > equals)
                return error_set(e, -EINVAL, "-o %.200s: write -o SECTION.KEY=VALUE, such as -o server.processes=4", text);
        (void)snprintf(section, sizeof section, "%.*s", (int)(dot - text), text);
        (void)snprintf(key, sizeof key, "%.*s", (int)(equals - dot - 1), dot + 1);
        id = option_find(section, key, e);
        if (id < 0)
                return error_prefix(e, id, "-o %.200s", text);
        if (!raw->overridden[id]) { /* what the file says is replaced, not added to */
                raw_remove(raw, id);
                raw->overridden[id] = true;
        }
        (void)snprintf(origin, sizeof origin, "-o %.200s", text);
        id = raw_add(raw, id, equals + 1, origin, e);
        return id < 0 ? error_prefix(e, id, "%s", origin) : 0;
}

static int set_listen(const struct option_row *row, struct listen_list *list, const struct raw_value *values, struct error *e) {
        *list = (struct listen_list){ 0 };
        if (!*row->default_text && !*values->text && !values->next)
                return 0;
        for (const struct raw_value *v = values; v; v = v->next) {
                struct listen_address address;
                int r;

                if (list->n == LISTEN_MAX)
                        return error_set(e, -E2BIG, "%s: more than %d %s addresses", v->origin, LISTEN_MAX, row->key);
                r = listen_parse(v->text, &address, e);
                if (r == 0 && listen_is_given(&address) && strcmp(row->section, "admin") == 0)
                        r = error_set(e, -EINVAL, "sockets from systemd are not for the admin endpoint: write an address");
                if (r == 0 && listen_is_local(&address) && strcmp(row->section, "admin") == 0)
                        r = error_set(e, -EINVAL, "Unix sockets are not for the admin endpoint: write ADDRESS:PORT");
                for (size_t i = 0; r == 0 && i < list->n; i++)
                        if ((listen_port(&address) != 0 || listen_is_given(&address) || listen_is_local(&address)) && memcmp(&list->at[i], &address, sizeof address) == 0)
                                r = error_set(e, -EEXIST, "%s is given twice", v->text);
                if (r < 0)
                        return error_prefix(e, r, "%s: [%s] %s", v->origin ? v->origin : "built-in default", row->section, row->key);
                list->at[list->n++] = address;
        }
        return 0;
}

/* Gives one option its meaning; `raw` is never NULL. */
static int set_field(struct config *config, int id, const struct raw_value *raw, struct error *e) {
        const struct option_row *row = &option_table[id];
        void *field = (char *)config + row->offset;
        int r = 0;

        switch (row->kind) {
        case OPTION_KIND_LISTEN:
                return set_listen(row, field, raw, e);
        case OPTION_KIND_TEXT:
                if (!(*(char **)field = strdup(raw->text)))
                        r = error_set_errno(e, ENOMEM, "cannot keep the value");
                break;
        case OPTION_KIND_BALANCE:
        case OPTION_KIND_CODEC:
        case OPTION_KIND_LEVEL:
        case OPTION_KIND_TARGET:
        case OPTION_KIND_SWITCH:
                r = option_parse_word(row, raw->text, field, e);
                break;
        default:
                r = option_parse_number(row, raw->text, field, e);
        }
        return r < 0 ? error_prefix(e, r, "%s: [%s] %s", raw->origin ? raw->origin : "built-in default", row->section, row->key) : 0;
}

static const struct listen_list *list_of(const struct config *config, enum option_id id) {
        return (const struct listen_list *)(const void *)((const char *)config + option_table[id].offset);
}

/* Whether address `i` of one option is another option's, too. */
static int check_clash(const struct config *config, enum option_id id, size_t i, enum option_id taken, struct error *e) {
        const struct listen_address *address = &list_of(config, id)->at[i];
        const struct listen_list *others = list_of(config, taken);
        char text[LISTEN_TEXT_MAX], other[LISTEN_TEXT_MAX], where[4200];

        for (size_t k = 0; k < others->n; k++)
                if (listen_overlap(address, &others->at[k]))
                        return error_set(e, -EADDRINUSE, "%s: %s is taken by [%s] listen, which has %s: give the %s a %s",
                                         config_where(config, id, where, sizeof where), listen_format(address, text), option_table[taken].section,
                                         listen_format(&others->at[k], other), id == OPTION_admin_listen ? "admin endpoint" : "calls",
                                         listen_is_local(address)    ? "path of its own"
                                         : id == OPTION_admin_listen ? "port of its own, such as 9180"
                                                                     : "port of its own, such as 8081");
        return 0;
}

/* Sockets that do not share a port with SO_REUSEPORT, and so have to be apart. */
static int check_apart(const struct config *config, const struct listen_list *list, enum option_id id, const char *why, struct error *e) {
        char text[LISTEN_TEXT_MAX], other[LISTEN_TEXT_MAX], where[4200];

        for (size_t i = 0; i < list->n; i++)
                for (size_t j = 0; j < i; j++)
                        if (listen_overlap(&list->at[j], &list->at[i]))
                                return error_set(e, -EADDRINUSE, "%s: %s and %s are for the same connections%s: leave one of them out",
                                                 config_where(config, id, where, sizeof where), listen_format(&list->at[j], other),
                                                 listen_format(&list->at[i], text), why);
        return 0;
}

/* The endpoint asks nobody for a password: that others reach it must be somebody's decision. */
static int check_admin(const struct config *config, struct error *e) {
        char text[LISTEN_TEXT_MAX], where[4200];

        for (size_t i = 0; i < config->admin_listen.n; i++) {
                int r = check_clash(config, OPTION_admin_listen, i, OPTION_listen, e);

                if (r == 0)
                        r = check_clash(config, OPTION_admin_listen, i, OPTION_rpc_listen, e);
                if (r < 0)
                        return r;
                if (!listen_is_loopback(&config->admin_listen.at[i]) && !config->admin_allow_remote)
                        return error_set(e, -EPERM,
                                         "%s: other machines may reach %s, and everybody who does can read what it shows: write a loopback "
                                         "address such as 127.0.0.1:9180, or set [admin] allow-remote = yes",
                                         config_where(config, OPTION_admin_listen, where, sizeof where),
                                         listen_format(&config->admin_listen.at[i], text));
        }
        return 0;
}

static size_t count_given(const struct listen_list *list) {
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++)
                n += listen_is_given(&list->at[i]);
        return n;
}

/* systemd either keeps all that workers take connections from, or nothing of it. */
static int check_one_kind(const struct config *config, struct error *e) {
        const size_t n_given = count_given(&config->listen), n_rpc_given = count_given(&config->rpc_listen);
        char where[4200];

        if (n_given != 0 && n_given != config->listen.n)
                return error_set(e, -EINVAL, "%s: sockets from systemd and addresses do not go together: write one kind only",
                                 config_where(config, OPTION_listen, where, sizeof where));
        if (n_rpc_given == (n_given > 0 ? config->rpc_listen.n : 0))
                return 0;
        return error_set(e, -EINVAL, "%s: sockets from systemd and addresses do not go together, here and in [server] listen: write one kind only",
                         config_where(config, OPTION_rpc_listen, where, sizeof where));
}

static int check_rpc(const struct config *config, struct error *e) {
        struct listen_list all;
        char where[4200];
        int r = 0;

        if (listen_join(&config->listen, &config->rpc_listen, &all, e) < 0)
                return error_prefix(e, -E2BIG, "%s", config_where(config, OPTION_rpc_listen, where, sizeof where));
        for (size_t i = 0; r == 0 && i < config->rpc_listen.n; i++)
                r = check_clash(config, OPTION_rpc_listen, i, OPTION_listen, e);
        if (r == 0 && config->balance == BALANCE_SHARED)
                r = check_apart(config, &config->rpc_listen, OPTION_rpc_listen, ", which [server] balance = shared does not part", e);
        return r;
}

static int check_addresses(const struct config *config, struct error *e) {
        int r = check_one_kind(config, e);

        if (r == 0 && config->balance == BALANCE_SHARED)
                r = check_apart(config, &config->listen, OPTION_listen, ", which [server] balance = shared does not part", e);
        if (r == 0)
                r = check_rpc(config, e);
        if (r == 0)
                r = check_apart(config, &config->admin_listen, OPTION_admin_listen, "", e);
        return r < 0 ? r : check_admin(config, e);
}

/* Else a body that limit-body allows would be refused whatever else there is. */
static int check_bodies(const struct config *config, struct error *e) {
        const enum option_id given = config->origin[OPTION_body_memory_bytes] ? OPTION_body_memory_bytes : OPTION_limit_body_bytes;
        char where[4200];

        if (config->body_memory_bytes >= config->limit_body_bytes)
                return 0;
        return error_set(e, -EINVAL, "%s: body-memory (%" PRIu64 " bytes) has no room for one body of limit-body (%" PRIu64 " bytes): raise the one or lower the other",
                         config_where(config, given, where, sizeof where), config->body_memory_bytes, config->limit_body_bytes);
}

static int set_fields(const struct raw_config *raw, struct config *config, struct error *e) {
        int r;

        for (int id = 0; id < OPTION_COUNT; id++) {
                struct raw_value by_default = { .text = (char *)option_table[id].default_text };
                const struct raw_value *value = raw->values[id];

                r = set_field(config, id, value ? value : &by_default, e);
                if (r < 0)
                        return r;
                if (value && value->origin && !(config->origin[id] = strdup(value->origin)))
                        return error_set_errno(e, ENOMEM, "cannot keep the configuration");
        }
        r = check_addresses(config, e);
        return r < 0 ? r : check_bodies(config, e);
}

int raw_build(const struct raw_config *raw, struct config **ret, struct error *e) {
        struct config *config = calloc(1, sizeof *config);
        int r = config ? set_fields(raw, config, e) : error_set_errno(e, ENOMEM, "cannot keep the configuration");

        if (r < 0) {
                config_free(config);
                return r;
        }
        *ret = config;
        return 0;
}

int config_load(const char *path, const char *const *overrides, size_t n_overrides, struct config **ret, struct error *e) {
        struct raw_config raw = { .n_files = 0 };
        int r = path ? files_read(path, &raw, e) : 0;

        for (size_t i = 0; r == 0 && i < n_overrides; i++)
                r = take_override(&raw, overrides[i], e);
        if (r == 0)
                r = raw_build(&raw, ret, e);
        raw_release(&raw);
        return r;
}

struct config *config_free(struct config *config) {
        if (!config)
                return NULL;
        for (int id = 0; id < OPTION_COUNT; id++) {
                if (option_table[id].kind == OPTION_KIND_TEXT)
                        free(*(char **)((char *)config + option_table[id].offset));
                free(config->origin[id]);
        }
        free(config);
        return NULL;
}

const char *config_where(const struct config *config, enum option_id id, char *text, size_t size) {
        const char *origin = config->origin[id];

        (void)snprintf(text, size, "%s%s[%s] %s", origin ? origin : "", origin ? ": " : "", option_table[id].section,
                       option_table[id].key);
        return text;
}

static bool same_field(const struct option_row *row, const void *one, const void *other) {
        switch (row->kind) {
        case OPTION_KIND_TEXT:
                return strcmp(*(char *const *)one, *(char *const *)other) == 0;
        case OPTION_KIND_LISTEN:
                return memcmp(one, other, sizeof(struct listen_list)) == 0;
        case OPTION_KIND_BALANCE:
        case OPTION_KIND_CODEC:
        case OPTION_KIND_LEVEL:
        case OPTION_KIND_TARGET:
        case OPTION_KIND_SWITCH:
                return *(const int *)one == *(const int *)other;
        default:
                return *(const uint64_t *)one == *(const uint64_t *)other;
        }
}

bool config_differs(const struct config *one, const struct config *other, enum option_id id) {
        const struct option_row *row = &option_table[id];

        return !same_field(row, (const char *)one + row->offset, (const char *)other + row->offset);
}

void config_pending(const struct config *boot, const struct config *now, char *text, size_t size) {
        size_t length = 0;

        *text = '\0';
        for (int id = 0; id < OPTION_COUNT && length < size; id++) {
                const struct option_row *row = &option_table[id];

                if (row->reload == OPTION_RELOAD_RESTART && config_differs(boot, now, (enum option_id)id))
                        length += (size_t)snprintf(text + length, size - length, "%s[%s] %s", length ? ", " : "", row->section, row->key);
        }
}

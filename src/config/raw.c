#include "config/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct raw_value *value_free(struct raw_value *value) {
        while (value) {
                struct raw_value *next = value->next;

                free(value->text);
                free(value->origin);
                free(value);
                value = next;
        }
        return NULL;
}

int raw_add(struct raw_config *raw, int id, const char *text, const char *origin, struct error *e) {
        const struct option_row *row = &option_table[id];
        struct raw_value **end = &raw->values[id], *value;

        if (*end && row->kind != OPTION_KIND_LISTEN)
                return error_set(e, -EEXIST, "[%s] %s is given twice; the first is at %s", row->section, row->key,
                                 (*end)->origin ? (*end)->origin : "its default");
        while (*end)
                end = &(*end)->next;
        value = calloc(1, sizeof *value);
        if (value) {
                value->text = strdup(text);
                value->origin = origin ? strdup(origin) : NULL;
        }
        if (!value || !value->text || (origin && !value->origin)) {
                value_free(value);
                return error_set_errno(e, ENOMEM, "cannot keep the configuration");
        }
        *end = value;
        return 0;
}

void raw_remove(struct raw_config *raw, int id) {
        raw->values[id] = value_free(raw->values[id]);
}

void raw_release(struct raw_config *raw) {
        for (int id = 0; id < OPTION_COUNT; id++)
                raw_remove(raw, id);
}

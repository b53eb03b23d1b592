#include "rpc/method.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/quote.h"

#define METHOD(text, workload, cell) { text, sizeof text - 1, workload, cell }

static const struct method methods[] = {
        METHOD("welcome", WORKLOAD_WELCOME, RESTMARK_ROUTE_WELCOME),
        METHOD("parse-msgpack", WORKLOAD_PARSE_MSGPACK, RESTMARK_ROUTE_PARSE_MSGPACK),
        METHOD("encode-json", WORKLOAD_ENCODE_JSON, RESTMARK_ROUTE_ENCODE_JSON),
        METHOD("transfer-data", WORKLOAD_TRANSFER_DATA, RESTMARK_ROUTE_TRANSFER_DATA),
        METHOD("million-loop", WORKLOAD_MILLION_LOOP, RESTMARK_ROUTE_MILLION_LOOP),
        METHOD("validate", WORKLOAD_VALIDATE, RESTMARK_ROUTE_VALIDATE),
        METHOD("wait", WORKLOAD_WAIT, RESTMARK_ROUTE_WAIT),
        METHOD("record", WORKLOAD_RECORD, RESTMARK_ROUTE_RECORD),
};

const struct method *method_at(size_t i) {
        return i < sizeof methods / sizeof *methods ? &methods[i] : NULL;
}

const struct method *method_find(const char *name, size_t length) {
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
                if (methods[i].name_length == length && memcmp(methods[i].name, name, length) == 0)
                        return &methods[i];
        return NULL;
}

static bool is_named(const msgpack_object *key, const char *name) {
        return key->via.str.size == strlen(name) && memcmp(key->via.str.ptr, name, key->via.str.size) == 0;
}

static int set_body(const msgpack_object *value, struct work_params *params, struct error *e) {
        if (params->body)
                return error_set(e, -EINVAL, "Parameter \"body\" is given more than once.");
        if (value->type == MSGPACK_OBJECT_STR) {
                params->body = (char *)(uintptr_t)value->via.str.ptr;
                params->body_length = value->via.str.size;
        } else if (value->type == MSGPACK_OBJECT_BIN) {
                params->body = (char *)(uintptr_t)value->via.bin.ptr;
                params->body_length = value->via.bin.size;
        } else
                return error_set(e, -EINVAL, "Parameter \"body\" has to be a str or a bin, with JSON in it.");
        return 0;
}

/* Which record is a part of its route's path. */
static int set_id(uint64_t id, struct work_params *params, char *path, struct error *e) {
        if (params->path)
                return error_set(e, -EINVAL, "Parameter \"id\" is given more than once.");
        (void)snprintf(path, METHOD_PATH_MAX, "/record/%" PRIu64, id);
        params->path = path;
        return 0;
}

/* Returns work_params_set()'s verdict. */
static int set_one(const struct method *method, const msgpack_object_kv *item, struct work_params *params, char *path, struct buf *text,
                   struct error *e) {
        char number[24], quoted[QUOTE_MAX];
        int length;

        if (item->key.type != MSGPACK_OBJECT_STR)
                return error_set(e, -EINVAL, "The names of parameters have to be str.");
        if (method->workload == WORKLOAD_VALIDATE && is_named(&item->key, "body"))
                return set_body(&item->val, params, e);
        if (item->val.type != MSGPACK_OBJECT_POSITIVE_INTEGER)
                return error_set(e, -EINVAL, "Parameter \"%s\" has to be a whole number that is not negative.",
                                 quote_bytes(quoted, item->key.via.str.ptr, item->key.via.str.size));
        length = snprintf(number, sizeof number, "%" PRIu64, item->val.via.u64);
        if (text)
                buf_printf(text, "%c%s=%s", text->length > 0 ? '&' : '?', quote_bytes(quoted, item->key.via.str.ptr, item->key.via.str.size), number);
        if (method->workload == WORKLOAD_RECORD && is_named(&item->key, "id"))
                return set_id(item->val.via.u64, params, path, e);
        return work_params_set(params, item->key.via.str.ptr, item->key.via.str.size, number, (size_t)length, e);
}

int method_read_params(const struct method *method, const msgpack_object *given, struct work_params *params, char *path, struct buf *text,
                       struct error *e) {
        const msgpack_object *map = given && given->via.array.size == 1 ? given->via.array.ptr : NULL;
        int verdict = 0;

        if (!given || given->via.array.size > 1 || (map && map->type != MSGPACK_OBJECT_MAP))
                return error_set(e, -EINVAL, "Parameters have to be [] or [{name: number}].");
        for (uint32_t i = 0; map && verdict >= 0 && i < map->via.map.size; i++)
                verdict = set_one(method, &map->via.map.ptr[i], params, path, text, e);
        if (verdict == 0 && method->workload == WORKLOAD_RECORD && !params->path)
                return error_set(e, -EINVAL, "Parameter \"id\" is missing: the number of a record.");
        return verdict == 0 ? 0 : -EINVAL;
}

#include <errno.h>
#include <json-c/json_object.h>
#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>
#include <json-c/printbuf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "codec/double_text.h"
#include "codec/integer_text.h"
#include "codec/json_record.h"
#include "codec/json_string.h"
#include "codec/tree.h"

/* Compact, and '/' as it is: the bytes of struct mode. */
#define TREE_JSON_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct tree {
        json_object *records; /* array */
        json_object *first;   /* the array of the last partial encoding, owner of its text; NULL if there was none */
        size_t *lengths;      /* lengths[i]: how long the JSON of the first i objects must be */
};

/* Makes sure that `n` bytes can be written behind what is in the print buffer. */
static int reserve(struct printbuf *out, size_t n) {
        const int position = out->bpos;

        if ((size_t)(out->size - position) > n)
                return 0;
        if (n >= (size_t)(INT_MAX - position) || printbuf_memset(out, position + (int)n, '\0', 1) < 0)
                return -1;
        out->bpos = position; /* it is the size alone that was wanted */
        return 0;
}

/* Writes a text, quoted; returns its end. */
static inline char *quoted(char *p, const char *bytes, size_t length) {
        *p++ = '"';
        p = json_string_emit(p, bytes, length);
        *p++ = '"';
        return p;
}

/* Appends a member of a record's object, behind `separator`: its name, and a text, an integer or a double. json-c prints %.17g, which is not the shortest
 * text, and looks at each character alone. */
static int append_member(struct printbuf *out, char separator, const char *name, json_object *value) {
        const bool is_text = json_object_is_type(value, json_type_string);
        const size_t name_length = strlen(name), length = is_text ? (size_t)json_object_get_string_len(value) : 0;
        char *p;

        if (reserve(out, JSON_ESCAPE_MAX * (name_length + length) + sizeof ",\"\":\"\"}" + DOUBLE_TEXT_MAX) < 0)
                return -1;
        p = out->buf + out->bpos;
        *p++ = separator;
        p = quoted(p, name, name_length);
        *p++ = ':';
        if (is_text)
                p = quoted(p, json_object_get_string(value), length);
        else if (json_object_is_type(value, json_type_int))
                p = integer_text(p, json_object_get_int64(value));
        else
                p += double_text(json_object_get_double(value), p);
        out->bpos = (int)(p - out->buf);
        return 0;
}

/* A record's object, member by member, straight into json-c's print buffer: one step for what json-c appends in about five. */
static int record_serialize(struct json_object *object, struct printbuf *out, int level, int flags) {
        const int before = out->bpos;
        char separator = '{';

        (void)level;
        (void)flags;
        json_object_object_foreach(object, name, value) {
                if (append_member(out, separator, name, value) < 0)
                        return -1;
                separator = ',';
        }
        return printbuf_memappend(out, "}", 1) < 0 ? -1 : out->bpos - before;
}

/* An object for a record's members. */
static json_object *members_object(void) {
        json_object *object = json_object_new_object();

        if (object)
                json_object_set_serializer(object, record_serialize, NULL, NULL);
        return object;
}

/* Adds a member, taking `value` over in any case. -ENOMEM also if `value` is NULL: json-c had no memory for it. */
static int object_add(json_object *object, const char *name, json_object *value) {
        if (!value)
                return -ENOMEM;
        if (json_object_object_add_ex(object, name, value, JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static json_object *text_object(struct text text) {
        return json_object_new_string_len(text.bytes, (int)text.length);
}

static json_object *record_object(const struct record *r) {
        json_object *object = members_object();

        if (!object)
                return NULL;
        if (object_add(object, "id", json_object_new_int64(r->id)) < 0 ||
            object_add(object, "name", text_object(r->name)) < 0 ||
            object_add(object, "description", text_object(r->description)) < 0 ||
            object_add(object, "type", text_object(r->type)) < 0 ||
            object_add(object, "count", json_object_new_int64(r->count)) < 0 ||
            object_add(object, "created_at", json_object_new_double(r->created_at)) < 0) {
                json_object_put(object);
                return NULL;
        }
        return object;
}

static int records_array(const struct record *records, size_t n, json_object *array, struct error *e) {
        for (size_t i = 0; i < n; i++) {
                const struct record *r = &records[i];
                json_object *object;

                if (r->name.length > INT_MAX || r->description.length > INT_MAX || r->type.length > INT_MAX)
                        return error_set(e, -E2BIG, "record %zu: a string is longer than json-c's limit of %d bytes", i, INT_MAX);
                object = record_object(r);
                if (!object)
                        return error_set(e, -ENOMEM, "out of memory for the json-c objects of record %zu of %zu", i, n);
                if (json_object_array_add(array, object) < 0) {
                        json_object_put(object);
                        return error_set(e, -ENOMEM, "out of memory for a json-c array of %zu records", n);
                }
        }
        return 0;
}

static void note_lengths(size_t *lengths, const struct record *records, size_t n) {
        const size_t empty = json_records_length(NULL, 0);

        lengths[0] = empty;
        for (size_t i = 0; i < n; i++)
                lengths[i + 1] = lengths[i] + json_records_length(&records[i], 1) - empty + (i ? 1 : 0);
}

int tree_new(const struct record *records, size_t n, struct tree **ret, struct error *e) {
        struct tree *t;
        int r;

        t = calloc(1, sizeof *t);
        if (t && n <= INT_MAX) {
                t->records = json_object_new_array_ext((int)n);
                t->lengths = calloc(n + 1, sizeof *t->lengths);
        }
        if (!t || !t->records || !t->lengths) {
                tree_free(t);
                return error_set(e, -ENOMEM, "out of memory for a json-c array of %zu records", n);
        }
        note_lengths(t->lengths, records, n);
        r = records_array(records, n, t->records, e);
        if (r < 0) {
                tree_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

int tree_set_numbers(struct tree *t, const struct record *records, size_t n, struct error *e) {
        for (size_t i = 0; i < n; i++) {
                const json_object *object = json_object_array_get_idx(t->records, i);

                if (!json_object_set_int64(json_object_object_get(object, "id"), records[i].id) ||
                    !json_object_set_int64(json_object_object_get(object, "count"), records[i].count) ||
                    !json_object_set_double(json_object_object_get(object, "created_at"), records[i].created_at))
                        return error_set(e, -EINVAL, "object %zu of the tree has not the members of a record", i);
        }
        note_lengths(t->lengths, records, n);
        return 0;
}

struct tree *tree_free(struct tree *t) {
        if (!t)
                return NULL;
        json_object_put(t->first);
        json_object_put(t->records);
        free(t->lengths);
        free(t);
        return NULL;
}

/* An array of the first `count` objects, which it shares with the whole. */
static json_object *first_records(const struct tree *t, size_t count) {
        json_object *array = json_object_new_array_ext((int)count);

        if (!array)
                return NULL;
        for (size_t i = 0; i < count; i++) {
                json_object *object = json_object_get(json_object_array_get_idx(t->records, i));

                if (json_object_array_add(array, object) < 0) {
                        json_object_put(object);
                        json_object_put(array);
                        return NULL;
                }
        }
        return array;
}

int tree_encode(struct tree *t, size_t count, const char **ret_json, size_t *ret_length, struct error *e) {
        json_object *array = t->records;
        const char *json;
        size_t length;

        if (count < json_object_array_length(t->records)) {
                json_object_put(t->first);
                array = t->first = first_records(t, count);
        }
        json = array ? json_object_to_json_string_length(array, TREE_JSON_FLAGS, &length) : NULL;
        if (!json)
                return error_set(e, -ENOMEM, "out of memory for the JSON of %zu json-c objects", count);
        /* json-c's serializers ignore a print buffer that could not grow, so a missing piece shows in the length alone. */
        if (length != t->lengths[count])
                return error_set(e, -ENOMEM, "json-c wrote %zu bytes where %zu records have %zu: out of memory", length, count,
                                 t->lengths[count]);
        *ret_json = json;
        *ret_length = length;
        return 0;
}

int tree_encode_one(struct tree *t, size_t position, const char **ret_json, size_t *ret_length, struct error *e) {
        const size_t expected = t->lengths[position + 1] - t->lengths[position] - (position ? 1 : 0);
        size_t length;
        const char *json = json_object_to_json_string_length(json_object_array_get_idx(t->records, position), TREE_JSON_FLAGS, &length);

        if (!json || length != expected) /* see tree_encode() */
                return error_set(e, -ENOMEM, "out of memory for the JSON of the json-c object of record %zu", position);
        *ret_json = json;
        *ret_length = length;
        return 0;
}

/* ---- what clients send ---- */

/* What has been found to be JSON already. Not strictly: json-c 0.18 (Debian 13) then takes bytes from 0x80 on, which are negative to it, for control characters, and so refuses
 * all text that is not ASCII. */
static json_object *parse(const char *json, size_t length) {
        struct json_tokener *tokener = json_tokener_new();
        json_object *object;

        if (!tokener)
                return NULL;
        json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
        object = json_tokener_parse_ex(tokener, json, (int)length);
        json_tokener_free(tokener);
        return object;
}

/* A new object with the members of `from` in their order; created_at may be an integer there. NULL for want of memory, or of a member. */
static json_object *in_order(json_object *from, const struct record *record) {
        static const char *const names[] = { "id", "name", "description", "type", "count" };
        json_object *object = members_object(), *member;

        for (size_t i = 0; object && i < sizeof names / sizeof *names; i++)
                if (!json_object_object_get_ex(from, names[i], &member) || object_add(object, names[i], json_object_get(member)) < 0) {
                        json_object_put(object);
                        return NULL;
                }
        if (object && (!json_object_object_get_ex(from, "created_at", &member) || object_add(object, "created_at", json_object_new_double(record->created_at)) < 0)) {
                json_object_put(object);
                return NULL;
        }
        return object;
}

static json_object *all_in_order(json_object *from, const struct record *records, size_t n) {
        json_object *array = json_object_is_type(from, json_type_array) && json_object_array_length(from) == n ? json_object_new_array_ext((int)n + 1) : NULL;

        for (size_t i = 0; array && i < n; i++) {
                json_object *object = in_order(json_object_array_get_idx(from, i), &records[i]);

                if (!object || json_object_array_add(array, object) < 0) {
                        json_object_put(object);
                        json_object_put(array);
                        return NULL;
                }
        }
        return array;
}

static int copy_text(json_object *object, size_t expected, char **ret_json, size_t *ret_length, struct error *e) {
        size_t length = 0;
        const char *json = object ? json_object_to_json_string_length(object, TREE_JSON_FLAGS, &length) : NULL;
        char *copy = json && length == expected ? malloc(length) : NULL; /* see tree_encode() */

        if (!copy)
                return error_set(e, -ENOMEM, "out of memory for the JSON of json-c objects (%zu bytes)", expected);
        memcpy(copy, json, length);
        *ret_json = copy;
        *ret_length = length;
        return 0;
}

int tree_read_and_encode(const char *json, size_t length, const struct record *records, size_t n, bool is_array, char **ret_json, size_t *ret_length,
                         struct error *e) {
        json_object *parsed = length <= INT_MAX ? parse(json, length) : NULL, *ordered;
        int r;

        if (!parsed)
                return error_set(e, -EPROTO, "json-c does not take a body of %zu bytes that is JSON", length);
        ordered = is_array ? all_in_order(parsed, records, n) : in_order(parsed, records);
        r = copy_text(ordered, is_array ? json_records_length(records, n) : json_record_length(records), ret_json, ret_length, e);
        json_object_put(ordered);
        json_object_put(parsed);
        return r;
}

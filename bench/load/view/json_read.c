#include "view/json_read.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "latency/hdr_decode.h"

static json_object *member(json_object *o, const char *key, json_type type) {
        json_object *value = NULL;

        return json_object_object_get_ex(o, key, &value) && json_object_is_type(value, type) ? value : NULL;
}

/* A whole number that is not negative. */
static int number(json_object *o, const char *key, uint64_t *ret, struct error *e) {
        json_object *value = member(o, key, json_type_int);

        if (!value || json_object_get_int64(value) < 0)
                return error_set(e, -EBADMSG, "\"%s\" is no number that it can be, or is not there", key);
        *ret = json_object_get_uint64(value);
        return 0;
}

static int check_schema(json_object *run, struct error *e) {
        json_object *schema = member(run, "schema", json_type_string);
        const char *text = schema ? json_object_get_string(schema) : "";

        if (strcmp(text, "restmark-load/1") == 0 || strcmp(text, "restmark-load-merge/1") == 0)
                return 0;
        if (strncmp(text, "restmark-load-slo/", 18) == 0)
                return error_set(e, -ENOTSUP, "a search of --slo, whose tries were made at other rates each: there is nothing to add up");
        return error_set(e, -EBADMSG, "no result of restmark-load: its \"schema\" is \"%s\", and not \"restmark-load/1\"", text);
}

static int take_latency(json_object *latency, struct hdr *ret, struct error *e) {
        json_object *encoded = member(latency, "hdr_v2_base64", json_type_string), *clamped = NULL;
        uint64_t count = 0;
        int r = number(latency, "count", &count, e);

        if (r == 0 && !encoded)
                return error_set(e, -EBADMSG, "\"latency\" has no \"hdr_v2_base64\", which is the histogram");
        if (r == 0)
                r = hdr_decode(json_object_get_string(encoded), (size_t)json_object_get_string_len(encoded), ret, e);
        if (r == 0 && hdr_count(ret) != count)
                r = error_set(e, -EBADMSG, "\"count\" is %" PRIu64 ", and the histogram's is %" PRIu64, count, hdr_count(ret));
        if (r == 0 && !(json_object_object_get_ex(latency, "clamped", &clamped) && !clamped)) /* null: not known */
                r = number(latency, "clamped", &ret->clamped, e);
        return r;
}

static int take_run(json_object *run, struct hdr *memory, hdr_log_take take, void *context, struct error *e) {
        json_object *latency = NULL;
        uint64_t start_ms, total_ns;
        int r = check_schema(run, e);

        memset(memory, 0, sizeof *memory);
        if (r == 0)
                r = number(run, "start_realtime_ms", &start_ms, e);
        if (r == 0)
                r = number(run, "total_ns", &total_ns, e);
        if (r == 0 && !json_object_object_get_ex(run, "latency", &latency))
                r = error_set(e, -EBADMSG, "it has no \"latency\"");
        if (r == 0 && latency) /* null: nothing was answered */
                r = json_object_is_type(latency, json_type_object) ? take_latency(latency, memory, e) : error_set(e, -EBADMSG, "\"latency\" is no object");
        return r < 0 ? r : take(context, start_ms, total_ns / 1000000, memory, e);
}

static size_t line_of(const char *bytes, size_t at) {
        size_t line = 1;

        for (size_t i = 0; i < at; i++)
                line += bytes[i] == '\n';
        return line;
}

static size_t skip_blank(const char *bytes, size_t length, size_t at) {
        while (at < length && strchr(" \t\r\n", bytes[at]) && bytes[at])
                at++;
        return at;
}

/* One object from `*at` on. Returns it, or NULL with a sentence; `*at` goes behind it, or to what is wrong. */
static json_object *parse(struct json_tokener *t, const char *bytes, size_t length, size_t *at, struct error *e) {
        json_object *run;

        json_tokener_reset(t);
        run = json_tokener_parse_ex(t, bytes + *at, (int)(length - *at)); /* file_read() has a limit below */
        *at += json_tokener_get_parse_end(t);
        if (json_tokener_get_error(t) == json_tokener_continue)
                (void)error_set(e, -EBADMSG, "the JSON is cut off");
        else if (json_tokener_get_error(t) != json_tokener_success)
                (void)error_set(e, -EBADMSG, "not JSON: %s", json_tokener_error_desc(json_tokener_get_error(t)));
        return run;
}

int json_read_runs(const char *name, const char *bytes, size_t length, hdr_log_take take, void *context, struct error *e) {
        struct json_tokener *t = json_tokener_new();
        struct hdr *memory = malloc(sizeof *memory);
        int runs = 0, r = t && memory ? 0 : error_set(e, -ENOMEM, "no memory for %s", name);

        if (r == 0)
                json_tokener_set_flags(t, JSON_TOKENER_VALIDATE_UTF8);
        for (size_t at = skip_blank(bytes, length, 0); r == 0 && at < length; at = skip_blank(bytes, length, at)) {
                size_t line = line_of(bytes, at);
                json_object *run = parse(t, bytes, length, &at, e);

                r = run ? take_run(run, memory, take, context, e) : -EBADMSG;
                if (!run)
                        line = line_of(bytes, at);
                if (r < 0)
                        (void)error_prefix(e, r, "%s:%zu", name, line);
                (void)json_object_put(run);
                runs++;
        }
        free(memory);
        if (t)
                json_tokener_free(t);
        return r < 0 ? r : runs;
}

#include <stdio.h>

#include "codec/double_text.h"
#include "codec/json_long_text.h"
#include "codec/json_record.h"
#include "codec/json_string.h"
#include "codec/msgpack_record.h"
#include "codec/tree.h"
#include "micro.h"
#include "work/loop.h"
#include "work/work.h"

static size_t records(const struct bench *b) {
        return b->dataset->n_records;
}

static size_t steps(const struct bench *b) {
        (void)b;
        return WORK_LOOP_STEPS_DEFAULT;
}

static void parse_struct(struct bench *b) {
        struct error e;

        if (msgpack_records_decode(b->dataset->encoded, b->dataset->n_records, b->records, &e) < 0)
                micro_die("%s", e.text);
        micro_consume(b->records);
}

static void parse_tree(struct bench *b) {
        struct error e;

        if (tree_records_decode(b->dataset->encoded, b->dataset->n_records, &e) < 0)
                micro_die("%s", e.text);
}

static void encode_struct(struct bench *b) {
        struct buf out = buf_over(b->json, b->dataset->json_length);

        if (json_records_encode(&out, b->dataset->records, b->dataset->n_records) < 0)
                micro_die("the JSON does not fit");
        micro_consume(out.data);
}

static void encode_tree(struct bench *b) {
        const char *json;
        struct error e;
        size_t length;

        if (tree_encode(b->dataset->tree, b->dataset->n_records, &json, &length, &e) < 0)
                micro_die("%s", e.text);
        micro_consume(json);
}

static void double_shortest(struct bench *b) {
        for (size_t i = 0; i < b->dataset->n_records; i++) {
                char text[DOUBLE_TEXT_MAX];

                if (double_text(b->dataset->records[i].created_at, text) == 0)
                        micro_die("a double has no text");
                micro_consume(text);
        }
}

static void double_to_chars(struct bench *b) {
        for (size_t i = 0; i < b->dataset->n_records; i++) {
                char text[DOUBLE_TEXT_MAX];

                if (reference_to_chars(b->dataset->records[i].created_at, text, sizeof text) == 0)
                        micro_die("a double has no text");
                micro_consume(text);
        }
}

static void double_printf(struct bench *b) {
        for (size_t i = 0; i < b->dataset->n_records; i++) {
                char text[DOUBLE_TEXT_MAX];

                (void)snprintf(text, sizeof text, "%.17g", b->dataset->records[i].created_at);
                micro_consume(text);
        }
}

static void loop(struct bench *b) {
        volatile uint32_t seed = 0; /* not known to the compiler */
        int64_t result = loop_run(WORK_LOOP_STEPS_DEFAULT, seed);

        (void)b;
        if (result != INT64_C(249999500000))
                micro_die("the loop gave %lld", (long long)result);
}

enum { TEXT_BYTES = 4096, TEXT_LINE = 80 };

static size_t text_bytes(const struct bench *b) {
        (void)b;
        return TEXT_BYTES;
}

/* A text as people write them: a newline at the end of each line, and nothing else to escape. */
static void write_text(json_text_writer *write) {
        static char text[TEXT_BYTES], out[TEXT_BYTES + TEXT_BYTES / TEXT_LINE];

        if (!text[0])
                for (size_t i = 0; i < sizeof text; i++)
                        text[i] = (i + 1) % TEXT_LINE ? 'a' : '\n';
        if (write(out, text, sizeof text) != out + sizeof out)
                micro_die("a text of %zu bytes has not become one of %zu", sizeof text, sizeof out);
        micro_consume(out);
}

static void text_chosen(struct bench *b) {
        (void)b;
        write_text(json_long_text);
}

static void text_plain(struct bench *b) {
        size_t n;

        (void)b;
        write_text(json_text_ways(&n)[0].write);
}

#ifdef NAME_OF_BYTES16
static void text_bytes16(struct bench *b) {
        size_t n;

        (void)b;
        write_text(json_text_ways(&n)[1].write);
}
#endif

static void text_slowly(struct bench *b) {
        (void)b;
        write_text(json_string_escape);
}

/* In each group the first is what struct mode does; the others are compared to it. */
const struct micro_case micro_cases[] = {
        { "parse", "struct", "into structs, every field proved", "record", parse_struct, records },
        { "parse", "tree", "msgpack_unpack in one zone, every field proved", "record", parse_tree, records },
        { "parse", "msgpack-c fresh zone", "msgpack_unpack_next alone", "record", reference_unpack_next, records },
        { "parse", "msgpack-c reused zone", "msgpack_unpack alone, one zone", "record", reference_unpack_reused, records },
        { "encode", "struct", "from structs", "record", encode_struct, records },
        { "encode", "tree", "json-c, shortest doubles", "record", encode_tree, records },
        { "encode", "json-c default", "json-c, its own %.17g doubles", "record", reference_json_default, records },
#ifdef MICRO_YYJSON
        { "encode", "yyjson", "a document of views, written", "record", reference_yyjson, records },
#endif
        { "double", "double_text", "shortest text", "double", double_shortest, records },
        { "double", "std::to_chars", "shortest text", "double", double_to_chars, records },
        { "double", "printf %.17g", "for comparison", "double", double_printf, records },
        { "text", "chosen", "lines of 80 bytes, by what this processor has", "byte", text_chosen, text_bytes },
#ifdef NAME_OF_BYTES16
        { "text", NAME_OF_BYTES16, "16 bytes at a time", "byte", text_bytes16, text_bytes },
#endif
        { "text", "plain", "eight bytes at a time", "byte", text_plain, text_bytes },
        { "text", "byte by byte", "as short texts behind an escape", "byte", text_slowly, text_bytes },
        { "loop", "loop", "n steps, one after another", "step", loop, steps },
};
const size_t micro_n_cases = sizeof micro_cases / sizeof micro_cases[0];

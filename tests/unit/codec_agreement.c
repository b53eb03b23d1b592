/* Struct mode and tree mode accept exactly the same bytes, read the same values from them, and say the same of the rest.
 * Shown on mutations of a good record, from a fixed seed. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/msgpack_record.h"
#include "codec/tree.h"
#include "raw_record.h"
#include "unit.h"

enum { MUTATIONS = 200000 };

/* xorshift64: the same sequence everywhere. */
static uint64_t random_next(uint64_t *state) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        return *state;
}

static bool text_equal(struct text a, struct text b) {
        return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

/* Returns whether both accepted. */
static bool check(const uint8_t *bytes, size_t length) {
        /* In memory of exactly this size, so that asan sees a read beyond. */
        uint8_t *copy = malloc(length ? length : 1);
        struct encoded_record encoded = { copy, (uint32_t)length };
        struct record a, b;
        struct error ea, eb;
        int ra, rb;

        assert_non_null(copy);
        memcpy(copy, bytes, length);
        ra = msgpack_record_decode(&encoded, &a, &ea);
        rb = tree_record_decode(&encoded, &b, &eb);
        assert_int_equal(ra, rb);
        if (ra < 0) {
                assert_int_equal(ra, -EBADMSG);
                assert_string_equal(ea.text, eb.text);
        } else {
                assert_int_equal(a.id, b.id);
                assert_true(text_equal(a.name, b.name));
                assert_true(text_equal(a.description, b.description));
                assert_true(text_equal(a.type, b.type));
                assert_int_equal(a.count, b.count);
                assert_memory_equal(&a.created_at, &b.created_at, sizeof a.created_at);
        }
        free(copy);
        return ra == 0;
}

/* Bytes that begin something: likelier to lead a parser astray than any byte. */
static const uint8_t interesting[] = {
        0x00, 0x7f, 0x80, 0x81, 0x86, 0x87, 0x8f, 0x90, 0x91, 0x9f, 0xa0, 0xa2, 0xa4, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
        0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff,
};

static size_t mutate(uint8_t *bytes, size_t length, uint64_t *random) {
        size_t place = random_next(random) % length, n;

        switch (random_next(random) % 5) {
        case 0:
                bytes[place] = (uint8_t)random_next(random);
                return length;
        case 1:
                bytes[place] = interesting[random_next(random) % sizeof interesting];
                return length;
        case 2: /* leave some out */
                n = 1 + random_next(random) % 9;
                if (place + n > length)
                        n = length - place;
                memmove(bytes + place, bytes + place + n, length - place - n);
                return length > n ? length - n : 1;
        case 3: /* repeat some */
                n = 1 + random_next(random) % 16;
                if (place + n > length)
                        n = length - place;
                memmove(bytes + place + n, bytes + place, length - place);
                return length + n;
        default: /* put something in */
                memmove(bytes + place + 1, bytes + place, length - place);
                bytes[place] = interesting[random_next(random) % sizeof interesting];
                return length + 1;
        }
}

static void agree_on_mutations(void **state) {
        uint64_t random = UINT64_C(0x9e3779b97f4a7c15);
        size_t accepted = 0;

        (void)state;
        for (size_t i = 0; i < MUTATIONS; i++) {
                uint8_t memory[RAW_RECORD_MAX];
                size_t length = raw_record(memory, raw_good, RAW_FIELDS).length;

                for (size_t times = 1 + random_next(&random) % 3; times > 0; times--)
                        length = mutate(memory, length, &random);
                accepted += check(memory, length);
        }
        /* The mutations reach both outcomes, or they prove little. */
        assert_in_range(accepted, MUTATIONS / 100, MUTATIONS / 2);
}

static void agree_on_each_byte_in_each_place(void **state) {
        uint8_t good[RAW_RECORD_MAX], memory[RAW_RECORD_MAX];
        size_t length = raw_record(good, raw_good, RAW_FIELDS).length;

        (void)state;
        for (size_t place = 0; place < length; place++)
                for (int byte = 0; byte < 256; byte++) {
                        memcpy(memory, good, length);
                        memory[place] = (uint8_t)byte;
                        (void)check(memory, length);
                }
}

/* Struct mode looks at 16 bytes of a text at a time: one that is no UTF-8, at each place of texts of each length. */
static void find_a_bad_byte_at_any_place(void **state) {
        static const size_t texts[] = { 1, 2, 3 }; /* name, description, type */

        (void)state;
        for (size_t i = 0; i < ELEMENTS(texts); i++)
                for (uint8_t length = 0; length < 70; length++) {
                        char value[72] = { (char)0xd9, (char)length };
                        uint8_t memory[RAW_RECORD_MAX];
                        struct encoded_record encoded;

                        memset(value + 2, 'a', length);
                        encoded = raw_record_with(memory, texts[i], value, 2u + length);
                        assert_true(check(encoded.bytes, encoded.length));
                        for (size_t place = 0; place < length; place++) {
                                value[2 + place] = (char)0x80;
                                encoded = raw_record_with(memory, texts[i], value, 2u + length);
                                assert_false(check(encoded.bytes, encoded.length));
                                value[2 + place] = 'a';
                        }
                }
}

static void agree_on_each_truncation(void **state) {
        uint8_t good[RAW_RECORD_MAX];
        size_t length = raw_record(good, raw_good, RAW_FIELDS).length;

        (void)state;
        for (size_t cut = 0; cut < length; cut++)
                assert_false(check(good, cut));
        assert_true(check(good, length));
}

/* A header of 5 bytes that claims 4 billion elements; msgpack-c would allocate for them. */
static void claims_are_not_believed(void **state) {
        static const char *const claims[] = { "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff" };
        uint8_t memory[RAW_RECORD_MAX];

        (void)state;
        for (size_t i = 0; i < ELEMENTS(claims); i++) {
                for (size_t field = 0; field < RAW_FIELDS; field++) {
                        struct encoded_record encoded = raw_record_with(memory, field, claims[i], 5);

                        assert_false(check(encoded.bytes, encoded.length));
                }
                assert_false(check((const uint8_t *)claims[i], 5));
        }
        /* 40 arrays in one another: more than msgpack-c's own stack. */
        memset(memory, 0x91, 40);
        memory[40] = 1;
        assert_false(check(memory, 41));
        memcpy(memory, "\x81\xa2id", 4);
        memset(memory + 4, 0x91, 40);
        assert_false(check(memory, 44));
}

static void tree_decodes_many_and_names_the_bad_one(void **state) {
        uint8_t good[RAW_RECORD_MAX], bad[RAW_RECORD_MAX];
        struct encoded_record encoded[20];
        struct record records[ELEMENTS(encoded)];
        struct error e;

        (void)state;
        for (size_t i = 0; i < ELEMENTS(encoded); i++)
                encoded[i] = raw_record(good, raw_good, RAW_FIELDS);
        assert_int_equal(tree_records_decode(encoded, ELEMENTS(encoded), &e), 0);
        assert_int_equal(tree_records_read(encoded, ELEMENTS(encoded), records, &e), 0);
        for (size_t i = 0; i < ELEMENTS(encoded); i++) {
                assert_int_equal(records[i].id, 7);
                assert_true(text_equal(records[i].description, (struct text){ "Some words", 10 }));
                assert_int_equal(records[i].count, 33);
        }
        encoded[17] = raw_record_with(bad, 4, BYTES("\xc0"));
        assert_int_equal(tree_records_decode(encoded, ELEMENTS(encoded), &e), -EBADMSG);
        assert_string_equal(e.text, "record 17: field \"count\": is nil, expected an integer");
        assert_int_equal(tree_records_read(encoded, ELEMENTS(encoded), records, &e), -EBADMSG);
        assert_string_equal(e.text, "record 17: field \"count\": is nil, expected an integer");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(agree_on_mutations),
                cmocka_unit_test(agree_on_each_byte_in_each_place),
                cmocka_unit_test(find_a_bad_byte_at_any_place),
                cmocka_unit_test(agree_on_each_truncation),
                cmocka_unit_test(claims_are_not_believed),
                cmocka_unit_test(tree_decodes_many_and_names_the_bad_one),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

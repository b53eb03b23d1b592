#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/events.h"
#include "unit.h"

/* What the writer writes, which the caller frees. */
static char *written(void (*write)(const struct events *, uint64_t, FILE *), const struct events *events, uint64_t since) {
        char *text;
        size_t size;
        FILE *to = open_memstream(&text, &size);

        assert_non_null(to);
        write(events, since, to);
        assert_int_equal(fclose(to), 0);
        return text;
}

static void assert_json(const struct events *events, uint64_t since, const char *const *parts, size_t n) {
        char *text = written(events_write_json, events, since);
        const char *at = text;

        for (size_t i = 0; i < n; i++) {
                const char *found = strstr(at, parts[i]);

                if (!found)
                        fail_msg("%s is not in %s", parts[i], at);
                at = found + strlen(parts[i]);
        }
        free(text);
}

static void an_empty_ring_has_nothing(void **state) {
        struct events *events = events_new();
        char *text = written(events_write_json, events, 0);

        (void)state;
        assert_true(strncmp(text, "{\"began_unix_ms\":1", 18) == 0); /* a time of this century */
        assert_string_equal(strstr(text, ",\"last\""), ",\"last\":0,\"events\":[]}\n");
        free(text);
        text = written(events_write_text, events, 0);
        assert_string_equal(text, "");
        free(text);
        (void)events_free(events);
}

static void events_are_numbered_and_can_be_asked_for_from_a_number_on(void **state) {
        static const char *const all[] = { "\"last\":2", "\"number\":1", "\"kind\":\"start\",\"slot\":null,\"text\":\"one\"", "\"number\":2",
                                           "\"kind\":\"death\",\"slot\":7,\"text\":\"two\"" };
        struct events *events = events_new();
        char *text;

        (void)state;
        events_add(events, EVENT_START, -1, "one");
        events_add(events, EVENT_DEATH, 7, "t%s", "wo");
        assert_int_equal(events_last(events), 2);
        assert_json(events, 0, all, ELEMENTS(all));
        text = written(events_write_json, events, 1);
        assert_null(strstr(text, "one"));
        assert_non_null(strstr(text, "two"));
        free(text);
        for (uint64_t since = 2; since < 5; since++) {
                text = written(events_write_json, events, since);
                assert_string_equal(strstr(text, ",\"last\""), ",\"last\":2,\"events\":[]}\n");
                free(text);
        }
        text = written(events_write_json, events, UINT64_MAX);
        assert_string_equal(strstr(text, ",\"last\""), ",\"last\":2,\"events\":[]}\n");
        free(text);
        (void)events_free(events);
}

static void the_oldest_make_room(void **state) {
        struct events *events = events_new();
        char *text, *line;
        unsigned int lines = 0;

        (void)state;
        for (int i = 1; i <= EVENTS_KEPT + 10; i++)
                events_add(events, EVENT_SCALE, i % 4, "number %d.", i);
        text = written(events_write_text, events, 0);
        assert_null(strstr(text, "number 10."));
        assert_non_null(strstr(text, "number 11."));
        assert_non_null(strstr(text, "number 266."));
        for (line = text; (line = strchr(line, '\n')); line++)
                lines++;
        assert_int_equal(lines, EVENTS_KEPT);
        free(text);
        (void)events_free(events);
}

static void texts_are_safe_in_json_whatever_they_quote(void **state) {
        static const struct {
                const char *text, *json;
        } vectors[] = {
                { "a \"b\" \\c", "a \\\"b\\\" \\\\c" },
                { "x\ny\tz\x7f", "x?y?z?" },
                { "M\xc3\xbcnchen \xe2\x82\xac \xf0\x9f\x98\x80", "M\xc3\xbcnchen \xe2\x82\xac \xf0\x9f\x98\x80" },
                { "\xff\xc3<", "?" "?<" },
                { "\xc0\x80 \xe0\x80\x80 \xed\xa0\x80 \xf4\x90\x80\x80", "?? ??? ??? ????" },
                { "cut \xe2\x82", "cut ??" },
        };
        struct events *events = events_new();

        (void)state;
        for (size_t i = 0; i < ELEMENTS(vectors); i++) {
                char expected[128];
                const char *parts[] = { expected };

                events_add(events, EVENT_STOP, -1, "%s", vectors[i].text);
                (void)snprintf(expected, sizeof expected, "\"text\":\"%s\"}", vectors[i].json);
                assert_json(events, i, parts, 1);
        }
        (void)events_free(events);
}

static void long_texts_are_cut_between_characters(void **state) {
        char text[2 * EVENT_TEXT_MAX], *json;
        struct events *events = events_new();

        (void)state;
        memset(text, 'x', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        text[EVENT_TEXT_MAX - 2] = '\xc3'; /* its second half does not fit any more */
        text[EVENT_TEXT_MAX - 1] = '\xbc';
        events_add(events, EVENT_STOP, -1, "%s", text);
        json = written(events_write_json, events, 0);
        assert_non_null(strstr(json, "xx?\"}"));
        free(json);
        (void)events_free(events);
}

static void every_kind_has_a_name(void **state) {
        (void)state;
        for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
                assert_true(strlen(events_kind_name((enum event_kind)kind)) >= 4);
        assert_string_equal(events_kind_name(EVENT_KIND_COUNT), "?");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_ring_has_nothing),
                cmocka_unit_test(events_are_numbered_and_can_be_asked_for_from_a_number_on),
                cmocka_unit_test(the_oldest_make_room),
                cmocka_unit_test(texts_are_safe_in_json_whatever_they_quote),
                cmocka_unit_test(long_texts_are_cut_between_characters),
                cmocka_unit_test(every_kind_has_a_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}

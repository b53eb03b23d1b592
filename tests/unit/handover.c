/* The text that one program hands over to the next: what is written is read back, and nothing else is taken. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/handover.h"
#include "shared/link.h"

static struct handover *example(void) {
        struct handover *h = calloc(1, sizeof *h);

        assert_non_null(h);
        h->pid = 4711;
        h->link_version = LINK_VERSION;
        h->board_version = RESTMARK_SCOREBOARD_VERSION;
        h->board_bytes = sizeof(struct restmark_scoreboard);
        h->board_fd = 5;
        h->program_fd = 6;
        h->boot_fd = 7;
        h->config_fd = 8;
        h->generation = 3;
        h->n_slots = 2;
        h->was_ready = 1;
        h->pid_fd = 17;
        h->control_fd = -1;
        strcpy(h->program, "/opt/with a blank/a \\ and a\nline end/restmarkd");
        strcpy(h->from, "0.1.0");
        h->n_sockets = 2;
        h->sockets[0] = (struct handover_socket){ 0, 0, 9 };
        h->sockets[1] = (struct handover_socket){ 1, 0, 10 };
        h->n_children = 2;
        h->children[0] = (struct handover_child){ .slot = 0, .seat = 1, .state = RESTMARK_SLOT_READY, .generation = 3, .pid = 4712, .link = 11, .cell = 15 };
        h->children[1] = (struct handover_child){
                .slot = 1, .state = RESTMARK_SLOT_BACKOFF, .failures = 4, .deadline_ms = UINT64_C(9000000000), .generation = 2, .link = -1, .cell = -1
        };
        h->n_clients = 1;
        h->clients[0] = 12;
        h->n_callers = 1;
        h->callers[0] = 16;
        h->n_admin = 2;
        h->admin[0] = 13;
        h->admin[1] = 14;
        return h;
}

static char *text_of(const struct handover *h, size_t *ret_size) {
        char *text;
        FILE *to = open_memstream(&text, ret_size);

        assert_non_null(to);
        handover_write(h, to);
        assert_int_equal(fclose(to), 0);
        return text;
}

static int parse(const char *text, size_t size, struct error *e) {
        struct handover *h = malloc(sizeof *h);
        int r;

        assert_non_null(h);
        strcpy(e->text, "");
        r = handover_parse(text, size, h, e);
        free(h);
        return r;
}

static void what_is_written_is_read_back(void **state) {
        struct handover *h = example(), *again = malloc(sizeof *again);
        struct error e;
        size_t size;
        char *text = text_of(h, &size);

        (void)state;
        assert_non_null(again);
        assert_int_equal(handover_parse(text, size, again, &e), 0);
        assert_memory_equal(h, again, sizeof *h);
        assert_int_equal(handover_check(again, &e), 0);
        free(text);
        free(again);
        free(h);
}

static void line_ends_cannot_be_smuggled_in(void **state) {
        struct handover *h = example(), *again = malloc(sizeof *again);
        struct error e;
        size_t size;
        char *text;

        (void)state;
        assert_non_null(again);
        strcpy(h->reason, "one\ngeneration 9\n");
        text = text_of(h, &size);
        assert_int_equal(handover_parse(text, size, again, &e), 0);
        assert_string_equal(again->reason, "one\ngeneration 9\n");
        assert_int_equal(again->generation, 3);
        free(text);
        free(again);
        free(h);
}

static void every_cut_is_noticed(void **state) {
        struct handover *h = example();
        struct error e;
        size_t size;
        char *text = text_of(h, &size);

        (void)state;
        for (size_t i = 0; i < size; i++) {
                assert_true(parse(text, i, &e) < 0);
                assert_true(strlen(e.text) > 0);
        }
        free(text);
        free(h);
}

/* Bytes that are changed, doubled or taken out: refused or read, but never past an end (this test also runs under the sanitizers). */
static void damage_does_no_harm(void **state) {
        struct handover *h = example();
        uint32_t random = 1;
        struct error e;
        size_t size;
        char *text = text_of(h, &size), *copy = malloc(size + 1);

        (void)state;
        assert_non_null(copy);
        for (int i = 0; i < 20000; i++) {
                size_t at, n = size;

                random = random * 1664525u + 1013904223u;
                at = (random >> 8) % size;
                memcpy(copy, text, size);
                switch (i % 3) {
                case 0:
                        copy[at] = (char)(random >> 24);
                        break;
                case 1:
                        memmove(copy + at, copy + at + 1, size - at - 1);
                        n--;
                        break;
                default:
                        memmove(copy + at + 1, copy + at, size - at);
                        n++;
                }
                (void)parse(copy, n, &e);
        }
        free(copy);
        free(text);
        free(h);
}

static void what_makes_no_sense_is_refused(void **state) {
        static const struct {
                const char *line, *replacement; /* "" takes the line out */
                const char *message;
        } cases[] = {
                { "restmark-handover 4", "restmark-handover 1", "version 1, this program knows 4" },
                { "restmark-handover 4", "restmark-handover 12345678901234567890", "version 1234567890, this program knows 4" },
                { "restmark-handover 4", "something else", "does not begin with restmark-handover" },
                { "pid 4711", "", "has no pid" },
                { "pid 4711", "pid 0", "line 2 of the handover makes no sense" },
                { "pid 4711", "pid 4711 1", "makes no sense" },
                { "pid 4711", "pid", "makes no sense" },
                { "pid 4711", "pid +4711", "makes no sense" },
                { "pid 4711", "pid 4711\npid 4711", "makes no sense" },
                { "board_fd 5", "board_fd -1", "makes no sense" },
                { "board_fd 5", "board_fd 4294967301", "makes no sense" },
                { "was_ready 1", "was_ready 2", "makes no sense" },
                { "n_slots 2", "n_slots 257", "makes no sense" },
                { "from 0.1.0", "", "has no from" },
                { "from 0.1.0", "from 0.1.0\nfrom 0.1.0", "makes no sense" },
                { "socket 1 0 10", "socket 256 0 10", "makes no sense" },
                { "socket 1 0 10", "socket 1 0", "makes no sense" },
                { "socket 1 0 10", "socket 1 16 10", "makes no sense" },
                { "socket 1 0 10", "plug 1 0 10", "makes no sense" },
                { "client 12", "client -1", "makes no sense" },
                { "caller 16", "caller 16 1", "makes no sense" },
                { "child 1 0 3 4 9000000000 2 0 -1 -1", "child 1 2 3 4 9000000000 2 0 -1 -1", "makes no sense" },
                { "child 1 0 3 4 9000000000 2 0 -1 -1", "child 1 0 7 4 9000000000 2 0 -1 -1", "makes no sense" },
                { "child 1 0 3 4 9000000000 2 0 -1 -1", "child 0 1 3 4 9000000000 2 0 -1 -1", "makes no sense" },
                { "end", "", "cut off" },
                { "end", "end\nend", "makes no sense" },
                { "end", "end of it", "makes no sense" },
        };
        struct handover *h = example();
        size_t size;
        char *text = text_of(h, &size);

        (void)state;
        for (size_t i = 0; i < ELEMENTS(cases); i++) {
                char line[64], changed[4096];
                const char *at;
                struct error e;

                (void)snprintf(line, sizeof line, "%s\n", cases[i].line);
                at = strstr(text, line);
                assert_non_null(at);
                (void)snprintf(changed, sizeof changed, "%.*s%s%s%s", (int)(at - text), text, cases[i].replacement,
                               *cases[i].replacement ? "\n" : "", at + strlen(line));
                assert_true(parse(changed, strlen(changed), &e) < 0);
                if (!strstr(e.text, cases[i].message))
                        fail_msg("%s: \"%s\" instead of \"%s\"", cases[i].replacement, e.text, cases[i].message);
        }
        free(text);
        free(h);
}

/* Else it would look at little more than the version. */
static void the_fuzzer_begins_with_what_is_understood(void **state) {
        static const char *const names[] = { CORPUS "/small", CORPUS "/children" };

        (void)state;
        for (size_t i = 0; i < ELEMENTS(names); i++) {
                FILE *file = fopen(names[i], "r");
                char text[4096];
                struct error e = { "" };
                size_t size;

                assert_non_null(file);
                size = fread(text, 1, sizeof text, file);
                assert_int_equal(fclose(file), 0);
                if (parse(text, size, &e) < 0)
                        fail_msg("%s: %s", names[i], e.text);
        }
}

static void another_layout_takes_a_restart(void **state) {
        struct handover *h = example();
        struct error e;

        (void)state;
        h->board_version++;
        assert_int_equal(handover_check(h, &e), -EPROTO);
        assert_non_null(strstr(e.text, "takes a restart"));
        h->board_version--;
        h->board_bytes++;
        assert_int_equal(handover_check(h, &e), -EPROTO);
        h->board_bytes--;
        h->link_version++;
        assert_int_equal(handover_check(h, &e), -EPROTO);
        assert_non_null(strstr(e.text, "takes a restart"));
        free(h);
}

static void it_goes_through_the_environment(void **state) {
        struct handover *h = example(), *again = NULL;
        char number[16];
        struct error e;
        int fd;

        (void)state;
        assert_int_equal(handover_load(&again, &e), 0);
        assert_int_equal(handover_save(h, &fd, &e), 0);
        (void)snprintf(number, sizeof number, "%d", fd);
        assert_int_equal(setenv(HANDOVER_VARIABLE, number, 1), 0);
        assert_int_equal(handover_load(&again, &e), 1);
        assert_memory_equal(h, again, sizeof *h);
        assert_null(getenv(HANDOVER_VARIABLE));
        assert_int_equal(close(fd), -1); /* it is closed already */
        free(again);
        free(h);

        assert_int_equal(setenv(HANDOVER_VARIABLE, "4 2", 1), 0);
        assert_int_equal(handover_load(&again, &e), -EINVAL);
        assert_int_equal(setenv(HANDOVER_VARIABLE, "1000", 1), 0);
        assert_true(handover_load(&again, &e) < 0);
        assert_int_equal(unsetenv(HANDOVER_VARIABLE), 0);
}

static int listening_socket(uint16_t *ret_port) {
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t size = sizeof address;
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
        *ret_port = ntohs(address.sin_port);
        return fd;
}

static void only_listening_sockets_are_adopted(void **state) {
        struct handover *h = example();
        struct listeners *l = NULL;
        uint16_t ports[2];
        struct error e;
        int idle;

        (void)state;
        h->sockets[0].fd = listening_socket(&ports[0]);
        h->sockets[1].fd = listening_socket(&ports[1]);
        idle = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(idle >= 0);

        h->n_sockets = 1;
        assert_int_equal(handover_adopt_listeners(h, 0, 5, &l, &e), -EPROTO);
        assert_string_equal(e.text, "the handover lacks a listening socket");
        h->n_sockets = 2;
        h->n_slots = 1;
        assert_int_equal(handover_adopt_listeners(h, 0, 5, &l, &e), -EPROTO);
        assert_string_equal(e.text, "the handover names a socket without a slot");
        h->n_slots = 2;
        h->n_sockets = 3;
        h->sockets[2] = (struct handover_socket){ 1, 0, idle };
        assert_int_equal(handover_adopt_listeners(h, 0, 5, &l, &e), -EPROTO);
        assert_non_null(strstr(e.text, "is no listening TCP socket"));
        h->n_sockets = 0;
        assert_int_equal(handover_adopt_listeners(h, 0, 5, &l, &e), -EPROTO);

        h->n_sockets = 2;
        assert_int_equal(handover_adopt_listeners(h, 0, 5, &l, &e), 0);
        assert_int_equal(l->n_slots, 2);
        assert_int_equal(listeners_of(l, 1)[0], h->sockets[1].fd);
        assert_int_equal(listen_port(&l->addresses.at[0]), ports[1]); /* one address for all slots, which those of a master have */
        listeners_free(l);
        assert_int_equal(close(idle), 0);
        free(h);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read_back),   cmocka_unit_test(line_ends_cannot_be_smuggled_in),
                cmocka_unit_test(every_cut_is_noticed),           cmocka_unit_test(damage_does_no_harm),
                cmocka_unit_test(what_makes_no_sense_is_refused), cmocka_unit_test(another_layout_takes_a_restart),
                cmocka_unit_test(it_goes_through_the_environment), cmocka_unit_test(only_listening_sockets_are_adopted),
                cmocka_unit_test(the_fuzzer_begins_with_what_is_understood),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}

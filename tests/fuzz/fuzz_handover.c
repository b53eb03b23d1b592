/* Any text as the state that a master hands over. What must hold: no crash, a sentence for what is refused; what is accepted is written and read to the
 * same again; and of its descriptors only listening sockets are taken for such. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "act/handover.h"
#include "fuzz.h"

enum { LISTENING = 9, IDLE = 8, BACKLOG = 5 }; /* descriptors that an input may name; others are none */

static int listening = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        int fd;

        (void)argc;
        (void)argv;
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(fd >= 0 && listen(fd, BACKLOG) == 0, "cannot listen");
        listening = dup2(fd, 100);
        REQUIRE(listening >= 0 && close(fd) == 0, "cannot keep a socket");
        return 0;
}

static char *write_out(const struct handover *h, size_t *ret_length) {
        char *text = NULL;
        FILE *to = open_memstream(&text, ret_length);

        REQUIRE(to, "no memory");
        handover_write(h, to);
        REQUIRE(fclose(to) == 0, "no memory");
        return text;
}

static void check_again(const struct handover *h) {
        struct handover *again = malloc(sizeof *again);
        size_t length, length_again;
        char *text = write_out(h, &length), *text_again;
        struct error e = { "" };

        REQUIRE(again, "no memory");
        REQUIRE(handover_parse(text, length, again, &e) == 0, "what was accepted and written is refused: %s", e.text);
        text_again = write_out(again, &length_again);
        REQUIRE(length == length_again && memcmp(text, text_again, length) == 0, "what is written again says something else:\n%s\n%s", text, text_again);
        free(text);
        free(text_again);
        free(again);
}

/* It opens the sockets of slots that are none yet, so only what has one slot is asked for. */
static void check_listeners(const struct handover *h) {
        struct listeners *l = NULL;
        struct error e = { "" };
        int r;

        REQUIRE(dup2(listening, LISTENING) == LISTENING && dup2(2, IDLE) == IDLE, "cannot make the descriptors");
        r = handover_adopt_listeners(h, 0, BACKLOG, &l, &e);
        if (r == 0) {
                REQUIRE(l->n_slots == h->n_slots, "listeners for %u slots", l->n_slots);
                for (size_t i = 0; i < h->n_sockets; i++)
                        REQUIRE(h->sockets[i].fd == LISTENING || h->sockets[i].fd == listening, "descriptor %d is taken for a listening socket", h->sockets[i].fd);
        } else
                REQUIRE(l == NULL && e.text[0], "listeners are refused without a word");
        if (r == 0 && h->n_sockets == 1 && h->sockets[0].fd == LISTENING)
                listeners_free(l);
        else if (r == 0) { /* several times the same descriptor, which must not be closed twice here */
                free(l->fds);
                free(l);
        }
        (void)close(LISTENING);
        (void)close(IDLE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        static struct handover *h;
        struct error e = { "" };

        if (!h)
                h = malloc(sizeof *h);
        REQUIRE(h, "no memory");
        if (handover_parse((const char *)bytes, length, h, &e) < 0) {
                REQUIRE(e.text[0], "something is refused without a word");
                return 0;
        }
        check_again(h);
        if (handover_check(h, &e) < 0)
                REQUIRE(e.text[0], "something is refused without a word");
        check_listeners(h);
        return 0;
}

/* Any text as a configuration file; lines "-o section.key=value" at its begin are overrides. What must hold: no crash, a sentence for what is refused, and
 * what a file says is what its dump says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "fuzz.h"

enum { OVERRIDES_MAX = 8 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        (void)argc;
        (void)argv;
        return 0;
}

static char *dump(const struct config *config, size_t *ret_length) {
        char *text = NULL;
        FILE *to = open_memstream(&text, ret_length);

        REQUIRE(to, "no memory");
        config_dump(config, to);
        REQUIRE(fclose(to) == 0, "no memory");
        return text;
}

static void check_accepted(const struct config *config, size_t n_overrides) {
        size_t length, length_again;
        char *text = dump(config, &length), *text_again, pending[256];
        struct config *again = NULL;
        struct error e = { "" };

        /* A value that is given by -o may be one that no line of a file can have. */
        if (n_overrides == 0) {
                REQUIRE(config_load(fuzz_file(text, length), NULL, 0, &again, &e) == 0, "the dump of what was accepted is refused: %s", e.text);
                text_again = dump(again, &length_again);
                REQUIRE(length == length_again && memcmp(text, text_again, length) == 0, "the dump says something else:\n%s\n%s", text, text_again);
                config_pending(config, again, pending, sizeof pending);
                REQUIRE(pending[0] == '\0', "what the dump says differs: %s", pending);
                free(text_again);
                config_free(again);
        }
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
        char *overrides[OVERRIDES_MAX];
        const char *at = (const char *)bytes, *end = at + length, *path;
        size_t n = 0;
        struct config *config = NULL;
        struct error e = { "" };
        int free_fd, r;

        while (n < OVERRIDES_MAX && end - at > 3 && memcmp(at, "-o ", 3) == 0) {
                const char *stop = memchr(at, '\n', (size_t)(end - at));

                stop = stop ? stop : end;
                overrides[n] = strndup(at + 3, (size_t)(stop - at - 3));
                REQUIRE(overrides[n++], "no memory");
                at = stop == end ? end : stop + 1;
        }
        path = fuzz_file(at, (size_t)(end - at));
        free_fd = fuzz_free_descriptor();
        r = config_load(path, (const char *const *)overrides, n, &config, &e);
        if (r == 0)
                check_accepted(config, n);
        else
                REQUIRE(r < 0 && !config && e.text[0], "something is refused without a word");
        config_free(config);
        for (size_t i = 0; i < n; i++)
                free(overrides[i]);
        REQUIRE(fuzz_free_descriptor() == free_fd, "descriptors are left open");
        return 0;
}

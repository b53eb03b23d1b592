/* How late a program that delays was itself: times from when something was due to when it was handed on. */
#ifndef RESTMARK_STUDY_LATENESS_H
#define RESTMARK_STUDY_LATENESS_H

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { LATE_CELLS = 64 }; /* powers of two of nanoseconds */

static uint64_t late[LATE_CELLS];

static int64_t now_ns(void) {
        struct timespec t;

        if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
                err(EXIT_FAILURE, "clock");
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void note_late(int64_t ns) {
        late[63 - __builtin_clzll((uint64_t)ns | 1)]++;
}

/* The upper end of the cell that holds the quantile, microseconds. */
static double late_us(double quantile) {
        uint64_t all = 0, seen = 0;

        for (int i = 0; i < LATE_CELLS; i++)
                all += late[i];
        for (int i = 0; i < LATE_CELLS; i++)
                if ((seen += late[i]) > 0 && (double)seen >= quantile * (double)all)
                        return (double)(UINT64_C(2) << i) / 1000;
        return 0;
}

/* Of an option's text; ends the program if it is none up to most. */
static uint64_t number(const char *text, uint64_t most, const char *what) {
        char *end;
        unsigned long long value;

        errno = 0;
        value = strtoull(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || *text == '-' || value > most)
                errx(EXIT_FAILURE, "%s %s: a whole number up to %" PRIu64, what, text, most);
        return value;
}

#endif

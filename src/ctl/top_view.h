/* The picture that `top` shows, line by line. Pure: it writes text. */
#ifndef RESTMARK_CTL_TOP_VIEW_H
#define RESTMARK_CTL_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "ctl/top_model.h"

enum { TOP_HISTORY_MAX = 512 };

struct top_view {
        unsigned int width, height; /* of the terminal; height 0: as many lines as it takes */
        bool attributes;            /* bold and reverse video, and the footer's keys: it is a terminal */
        bool utf8;                  /* for the curve */
        enum top_column sort;
        bool reverse, paused, help;
        size_t first_row;       /* scrolled to */
        const char *banner;     /* instead of the keys in the last line; NULL: none */
        double history[TOP_HISTORY_MAX]; /* requests/s, oldest first */
        size_t n_history;
};

/* Remembers the frame's requests/s for the curve. */
void top_view_remember(struct top_view *view, const struct top_frame *frame);

/* Writes the picture: lines of at most `width` columns, each ended by a newline except the last of a terminal's. `first_row` is brought into
 * range. */
void top_view_write(struct top_view *view, const struct top_frame *frame, FILE *to);

/* The column that a key chooses; TOP_COLUMN_COUNT for none. */
enum top_column top_view_column_of_key(int key);

#endif

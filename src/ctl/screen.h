/* The terminal while `top` has it: alternate screen, keys one by one, and everything as it was on every way out. */
#ifndef RESTMARK_CTL_SCREEN_H
#define RESTMARK_CTL_SCREEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct screen;

enum screen_event {
        SCREEN_TIMEOUT,
        SCREEN_KEY,    /* *ret_key: a character, or one of enum screen_key */
        SCREEN_RESIZE, /* or the terminal came back to us: draw anew */
        SCREEN_QUIT,   /* SIGINT */
        SCREEN_KILLED, /* SIGTERM, SIGHUP, SIGQUIT, or the terminal is gone: *ret_key is the signal */
};

enum screen_key { SCREEN_KEY_UP = 256, SCREEN_KEY_DOWN, SCREEN_KEY_LEFT, SCREEN_KEY_RIGHT, SCREEN_KEY_PAGE_UP, SCREEN_KEY_PAGE_DOWN };

/* Whether standard input and output are a terminal; else -ENOTTY with a sentence. */
int screen_check(struct error *e);

/* Takes the terminal and blocks the signals that it reads. */
int screen_open(struct screen **ret, struct error *e);

/* Gives the terminal back. NULL-safe; returns NULL. */
struct screen *screen_close(struct screen *screen);

void screen_size(const struct screen *screen, unsigned int *width, unsigned int *height);

/* Shows a picture of `length` bytes: lines, each ended by a newline except the last. */
void screen_show(const struct screen *screen, const char *picture, size_t length);

/* Waits for at most `timeout_ms`. On SIGTSTP it gives the terminal back, stops, and takes it again when the process goes on. */
enum screen_event screen_wait(struct screen *screen, uint64_t timeout_ms, int *ret_key);

#endif

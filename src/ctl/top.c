#include "ctl/top.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctl/client.h"
#include "ctl/sample.h"
#include "ctl/screen.h"
#include "ctl/top_json.h"
#include "ctl/top_view.h"

enum {
        ASK_MS = 2000,  /* for one look */
        GONE_MS = 5000, /* so long the daemon may be away, as it is for a moment when it is restarted */
};

struct top {
        const char *socket;
        const struct options *options;
        struct sample *before, *now;
        struct top_frame *frame;
        struct top_view view;
        struct screen *screen; /* NULL in batch mode */
        uint64_t taken;        /* looks with rates */
        uint64_t next_ms;      /* the next look, monotonic */
        uint64_t lost_ms;      /* since when the daemon does not answer; 0: it does */
        char banner[160];
};

/* Looks at the daemon. The first look has no rates. */
static int look(struct top *top, struct error *e) {
        struct client_reply reply;
        struct sample *sample = NULL;
        int r = client_ask(top->socket, "status json\n", ASK_MS, NULL, &reply, e);

        if (r < 0)
                return r;
        if (!reply.ok)
                r = error_set(e, -EPROTO, "the daemon refuses its status: %s", *reply.text ? reply.text : "it closed the connection");
        else
                r = sample_parse(reply.text, clock_monotonic_ns(), &sample, e);
        client_reply_free(&reply);
        if (r < 0)
                return r;
        top->frame = top_frame_free(top->frame);
        (void)sample_free(top->before);
        top->before = top->now;
        top->now = sample;
        top->frame = top_frame_new(top->before, top->now);
        if (!top->frame)
                return error_set_errno(e, ENOMEM, "cannot compute rates");
        top->taken += top->before != NULL;
        top_view_remember(&top->view, top->frame);
        return 0;
}

static int finish(struct top *top, int code) {
        top->screen = screen_close(top->screen);
        top->frame = top_frame_free(top->frame);
        top->before = sample_free(top->before);
        top->now = sample_free(top->now);
        return code;
}

static int fail(struct top *top, int code, const char *why) {
        (void)finish(top, code);
        (void)fprintf(stderr, "restmarkctl: %s\n", why);
        return code;
}

/* ---- batch ---- */

static int wait_ms(uint64_t ms) {
        const struct timespec time = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

        return nanosleep(&time, NULL);
}

static int run_batch(struct top *top) {
        const struct options *o = top->options;
        struct error e;

        for (uint64_t n = 0; o->samples == 0 || n <= o->samples; n++) {
                if (n > 0)
                        (void)wait_ms(o->delay_ms);
                if (look(top, &e) < 0)
                        return fail(top, EX_UNAVAILABLE, e.text);
                if (n == 0)
                        continue; /* rates take two looks */
                top_sort(top->frame, top->view.sort, top->view.reverse);
                if (o->json)
                        top_json_write(top->frame, stdout);
                else {
                        if (n > 1)
                                (void)fputc('\n', stdout);
                        top_view_write(&top->view, top->frame, stdout);
                }
                if (fflush(stdout) != 0)
                        return fail(top, EX_OSERR, strerror(errno));
        }
        return finish(top, EX_OK);
}

/* ---- screen ---- */

static void draw(struct top *top) {
        char *picture = NULL;
        size_t length;
        FILE *to = open_memstream(&picture, &length);

        if (!to)
                return; /* the next one may have more luck */
        screen_size(top->screen, &top->view.width, &top->view.height);
        if (top->frame) {
                top_sort(top->frame, top->view.sort, top->view.reverse);
                top_view_write(&top->view, top->frame, to);
        }
        if (fclose(to) == 0)
                screen_show(top->screen, picture, length);
        free(picture);
}

static void choose(struct top *top, enum top_column column) {
        if (column != top->view.sort)
                top->view.reverse = false;
        top->view.sort = column;
        top->view.first_row = 0;
}

static void scroll(struct top *top, int rows) {
        size_t up = (size_t)(rows < 0 ? -rows : 0);

        if (rows > 0)
                top->view.first_row += (size_t)rows; /* brought into range when it is drawn */
        else
                top->view.first_row -= up < top->view.first_row ? up : top->view.first_row;
}

/* Returns whether to quit. */
static bool on_key(struct top *top, int key) {
        struct top_view *v = &top->view;
        enum top_column column = key < 256 ? top_view_column_of_key(key) : TOP_COLUMN_COUNT;

        if (v->help && key != 'q') {
                v->help = false;
                return false;
        }
        if (column != TOP_COLUMN_COUNT)
                choose(top, column);
        else if (key == 'q' || key == 'Q')
                return true;
        else if (key == 'h' || key == '?')
                v->help = true;
        else if (key == ' ')
                v->paused = !v->paused;
        else if (key == 'r')
                v->reverse = !v->reverse;
        else if (key == '<' || key == SCREEN_KEY_LEFT)
                choose(top, (enum top_column)((v->sort + TOP_COLUMN_COUNT - 1) % TOP_COLUMN_COUNT));
        else if (key == '>' || key == SCREEN_KEY_RIGHT)
                choose(top, (enum top_column)((v->sort + 1) % TOP_COLUMN_COUNT));
        else if (key == SCREEN_KEY_UP || key == SCREEN_KEY_DOWN)
                scroll(top, key == SCREEN_KEY_UP ? -1 : 1);
        else if (key == SCREEN_KEY_PAGE_UP || key == SCREEN_KEY_PAGE_DOWN)
                scroll(top, key == SCREEN_KEY_PAGE_UP ? -10 : 10);
        return false;
}

/* Returns whether the daemon has been away for too long. */
static bool take_look(struct top *top, struct error *e) {
        uint64_t now_ms = clock_monotonic_ms();

        top->next_ms = now_ms + top->options->delay_ms;
        if (top->view.paused && !top->lost_ms)
                return false;
        if (look(top, e) == 0) {
                top->lost_ms = 0;
                top->view.banner = NULL;
                return false;
        }
        if (!top->lost_ms)
                top->lost_ms = now_ms;
        (void)snprintf(top->banner, sizeof top->banner, "the daemon does not answer; asking it again (q quits)");
        top->view.banner = top->banner;
        if (top->next_ms > now_ms + 200)
                top->next_ms = now_ms + 200;
        return now_ms - top->lost_ms >= GONE_MS;
}

static int run_screen(struct top *top) {
        struct error e;
        int key = 0;

        if (screen_check(&e) < 0)
                return fail(top, EX_USAGE, e.text);
        if (look(top, &e) < 0) /* before the terminal is touched */
                return fail(top, EX_UNAVAILABLE, e.text);
        if (screen_open(&top->screen, &e) < 0)
                return fail(top, EX_OSERR, e.text);
        /* The second look soon, so that the first rates need not be waited for. */
        top->next_ms = clock_monotonic_ms() + (top->options->delay_ms < 250 ? top->options->delay_ms : 250);
        for (;;) {
                uint64_t now_ms = clock_monotonic_ms();

                if (now_ms >= top->next_ms) {
                        if (take_look(top, &e))
                                return fail(top, EX_UNAVAILABLE, e.text);
                        if (top->options->samples && top->taken >= top->options->samples)
                                return finish(top, EX_OK);
                        now_ms = clock_monotonic_ms();
                }
                draw(top);
                switch (screen_wait(top->screen, top->next_ms > now_ms ? top->next_ms - now_ms : 0, &key)) {
                case SCREEN_KEY:
                        if (!on_key(top, key))
                                break;
                        return finish(top, EX_OK);
                case SCREEN_QUIT:
                        return finish(top, EX_OK);
                case SCREEN_KILLED:
                        (void)finish(top, EX_OK);
                        (void)raise(key); /* whoever sent it sees that it worked; screen_close() has unblocked it */
                        return EX_OSERR;
                default:
                        break;
                }
        }
}

int top_run(const char *socket, const struct options *options) {
        struct top top = { .socket = socket, .options = options };

        (void)setlocale(LC_CTYPE, "");
        top.view.sort = TOP_SLOT;
        top.view.width = 80;
        if (options->batch)
                return run_batch(&top);
        top.view.attributes = true;
        top.view.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
        return run_screen(&top);
}

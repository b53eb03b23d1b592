#include "ctl/top_view.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "shared/status.h"

enum {
        LINE_MAX_BYTES = 512,
        HEAD_LINES = 6, /* above the rows: three of totals, the curve, an empty one, the columns' names */
};

struct column {
        const char *name, *help;
        char key;
        int width;    /* negative: to the left */
        int rank;     /* columns of the highest rank go first when the terminal is narrow */
};

/* Of 80 columns in all. */
static const struct column columns[TOP_COLUMN_COUNT] = {
        [TOP_SLOT] = { "SLOT", "slot", 's', 4, 0 },
        [TOP_STATE] = { "STATE", "state", 't', -8, 2 },
        [TOP_PID] = { "PID", "pid", 'i', 7, 7 },
        [TOP_GENERATION] = { "GEN", "generation", 'g', 3, 8 },
        [TOP_AGE] = { "AGE", "age", 'a', 6, 9 },
        [TOP_REQUESTS] = { "REQ/S", "requests per second", 'n', 7, 1 },
        [TOP_P50] = { "P50 MS", "time that half of the requests take", '5', 6, 6 },
        [TOP_P99] = { "P99 MS", "time that 99 of 100 requests take", '9', 6, 4 },
        [TOP_CONNECTIONS] = { "CONN", "open connections", 'c', 5, 5 },
        [TOP_CPU] = { "CPU%", "percent of one CPU", 'u', 5, 3 },
        [TOP_RSS] = { "RSS M", "resident memory, MiB", 'm', 6, 10 },
        [TOP_PSS] = { "PSS M", "its share of the resident memory, MiB", 'p', 6, 9 },
};

static const char *const reset = "\x1b[0m", *const bold = "\x1b[1m", *const reversed = "\x1b[7m";

enum top_column top_view_column_of_key(int key) {
        int i = 0;

        while (i < TOP_COLUMN_COUNT && columns[i].key != key)
                i++;
        return (enum top_column)i;
}

void top_view_remember(struct top_view *view, const struct top_frame *frame) {
        double rate = frame->totals.rates.requests_per_s;

        if (rate < 0)
                return;
        if (view->n_history == TOP_HISTORY_MAX)
                memmove(view->history, view->history + 1, --view->n_history * sizeof view->history[0]);
        view->history[view->n_history++] = rate;
}

/* ---- numbers ---- */

/* With as many decimals as leave it four digits; "-" for what is not known. */
static const char *number(double value, char *text, size_t size) {
        if (value < 0)
                (void)snprintf(text, size, "-");
        else if (value == 0)
                (void)snprintf(text, size, "0");
        else if (value >= 1e7)
                (void)snprintf(text, size, "%.1fM", value / 1e6);
        else
                (void)snprintf(text, size, "%.*f", value < 9.9995 ? 3 : value < 99.995 ? 2 : value < 999.95 ? 1 : 0, value);
        return text;
}

static const char *duration(double s, char *text, size_t size) {
        uint64_t n = s < 0 ? 0 : (uint64_t)s;

        if (s < 0)
                (void)snprintf(text, size, "-");
        else if (n < 3600)
                (void)snprintf(text, size, "%" PRIu64 ":%02" PRIu64, n / 60, n % 60);
        else if (n < 86400)
                (void)snprintf(text, size, "%" PRIu64 "h%02" PRIu64, n / 3600, n / 60 % 60);
        else
                (void)snprintf(text, size, "%" PRIu64 "d%02" PRIu64, n / 86400, n / 3600 % 24);
        return text;
}

static const char *mib(bool known, uint64_t bytes, char *text, size_t size) {
        if (!known)
                (void)snprintf(text, size, "-");
        else
                (void)snprintf(text, size, "%.1f", (double)bytes / (1 << 20));
        return text;
}

/* ---- lines ---- */

/* One line of ASCII, cut to the width, in `attribute` if there are any. */
static void line(const struct top_view *v, FILE *to, const char *attribute, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void line(const struct top_view *v, FILE *to, const char *attribute, const char *format, ...) {
        char text[LINE_MAX_BYTES];
        va_list arguments;
        size_t length;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        length = strlen(text);
        if (length > v->width)
                length = v->width;
        if (attribute && v->attributes)
                (void)fprintf(to, "%s%.*s%s\n", attribute, (int)length, text, reset);
        else
                (void)fprintf(to, "%.*s\n", (int)length, text);
}

/* Where no call has come there is no word of calls. */
static bool shows_rpc(const struct top_frame *frame) {
        return frame->now->rpc.calls + frame->now->rpc.connections > 0;
}

/* With a line for each store that is used. */
static size_t head_lines(const struct top_frame *frame) {
        return (size_t)HEAD_LINES + frame->now->stores[0].is_used + frame->now->stores[1].is_used + shows_rpc(frame);
}

static void write_totals(const struct top_view *v, const struct top_frame *frame, FILE *to) {
        const struct sample *s = frame->now;
        const struct top_totals *t = &frame->totals;
        char a[24], b[24], c[24], d[24], cpu[24] = "-", up[24];

        line(v, to, bold, "restmarkd %s %s, master %" PRIu32 ", up %s, generation %" PRIu64 ", %u of %u ready", s->version, s->state,
             s->master.pid, duration((double)(s->now_unix_ms - s->started_unix_ms) / 1000, up, sizeof up), s->generation, t->ready, t->slots);
        line(v, to, NULL, "requests/s %-9s errors/s %-7s aborted/s %-7s connections %" PRIu64, number(t->rates.requests_per_s, a, sizeof a),
             number(t->rates.errors_per_s, b, sizeof b), number(t->rates.aborted_per_s, c, sizeof c), t->connections);
        if (t->rates.cpu_percent >= 0)
                (void)snprintf(cpu, sizeof cpu, "%.1f", t->rates.cpu_percent);
        line(v, to, NULL, "p50 %-7s p99 %-7s ms  CPU%% %-6s PSS %-6s RSS %-6s MiB  restarts %" PRIu64,
             number(t->rates.p50_ms, a, sizeof a), number(t->rates.p99_ms, b, sizeof b), cpu,
             mib(t->has_memory, t->pss_bytes, c, sizeof c), mib(t->has_memory, t->rss_bytes, d, sizeof d), t->restarts);
        if (shows_rpc(frame))
                line(v, to, NULL, "rpc       open %" PRIu64 "  calls/s %s  (of the connections and requests)", s->rpc.connections,
                     number(t->calls_per_s, a, sizeof a));
        for (int i = 0; i < RESTMARK_STORE_COUNT; i++)
                if (s->stores[i].is_used)
                        line(v, to, NULL, "%-8s  open %" PRIu64 "  busy %" PRIu64 "  waiting %" PRIu64 "  asked/s %s  p99 %s ms  failed/s %s",
                             status_store_name((enum restmark_store)i), s->stores[i].connections, s->stores[i].busy, s->stores[i].waiting,
                             number(t->stores[i].asked_per_s, a, sizeof a), number(t->stores[i].p99_ms, b, sizeof b),
                             number(t->stores[i].failures_per_s, c, sizeof c));
}

/* The requests/s of the last looks, oldest first, from none to the most of them, which is named. */
static void write_curve(const struct top_view *v, FILE *to) {
        static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
        static const char *const ascii[] = { " ", ".", ".", ":", ":", "+", "+", "#", "#" };
        enum { LABEL = 12 };
        size_t width = v->width > LABEL ? v->width - LABEL : 0, n = v->n_history < width ? v->n_history : width;
        const double *from = v->history + v->n_history - n;
        double most = 0;
        char label[24];

        for (size_t i = 0; i < n; i++)
                most = fmax(most, from[i]);
        if (n > 0)
                (void)fprintf(to, "max %-7s ", number(most, label, sizeof label));
        for (size_t i = 0; i < n; i++) {
                size_t level = most > 0 ? (size_t)ceil(from[i] / most * 8) : 0;

                (void)fputs((v->utf8 ? blocks : ascii)[level], to);
        }
        (void)fputc('\n', to);
}

static unsigned int column_width(int column) {
        return (unsigned int)(columns[column].width < 0 ? -columns[column].width : columns[column].width);
}

/* Which columns have room: all but those of the highest ranks, until the rest fits. */
static void choose_columns(const struct top_view *v, bool shown[TOP_COLUMN_COUNT]) {
        for (int limit = 10;; limit--) {
                unsigned int width = 0;

                for (int i = 0; i < TOP_COLUMN_COUNT; i++) {
                        shown[i] = columns[i].rank <= limit;
                        if (shown[i])
                                width += column_width(i) + (width > 0);
                }
                if (width <= v->width || limit == 0)
                        return;
        }
}

/* In reverse video, but for the column that orders the rows. */
static void write_column_names(const struct top_view *v, const bool shown[TOP_COLUMN_COUNT], FILE *to) {
        unsigned int width = 0;

        (void)fputs(v->attributes ? reversed : "", to);
        for (int i = 0; i < TOP_COLUMN_COUNT; i++) {
                bool orders = v->attributes && v->sort == (enum top_column)i;

                if (!shown[i])
                        continue;
                (void)fprintf(to, "%s%s%s%*s%s%s", width ? " " : "", orders ? reset : "", orders ? bold : "", columns[i].width, columns[i].name,
                              orders ? reset : "", orders ? reversed : "");
                width += column_width(i) + (width > 0);
        }
        if (v->attributes)
                (void)fprintf(to, "%*s%s", v->width > width ? (int)(v->width - width) : 0, "", reset);
        (void)fputc('\n', to);
}

static void format_cell(const struct top_row *row, enum top_column column, char *text, size_t size) {
        const struct sample_worker *w = row->worker;

        switch (column) {
        case TOP_SLOT:
                (void)snprintf(text, size, w->beside ? "%u+" : "%u", w->slot);
                break;
        case TOP_STATE:
                (void)snprintf(text, size, "%.8s", w->is_unresponsive ? "silent" : w->is_in_crash_loop ? "crashing" : w->state);
                break;
        case TOP_PID:
                (void)snprintf(text, size, w->process.pid ? "%" PRIu32 : "-", w->process.pid);
                break;
        case TOP_GENERATION:
                (void)snprintf(text, size, "%" PRIu64, w->generation);
                break;
        case TOP_AGE:
                (void)duration(row->age_s, text, size);
                break;
        case TOP_REQUESTS:
                (void)number(row->rates.requests_per_s, text, size);
                break;
        case TOP_P50:
                (void)number(row->rates.p50_ms, text, size);
                break;
        case TOP_P99:
                (void)number(row->rates.p99_ms, text, size);
                break;
        case TOP_CONNECTIONS:
                (void)snprintf(text, size, "%" PRIu64, w->connections);
                break;
        case TOP_CPU:
                (void)snprintf(text, size, row->rates.cpu_percent < 0 ? "-" : "%.1f", row->rates.cpu_percent);
                break;
        case TOP_RSS:
                (void)mib(w->process.has_memory, w->process.rss_bytes, text, size);
                break;
        default:
                (void)mib(w->process.has_memory, w->process.pss_bytes, text, size);
        }
}

static void write_row(const struct top_view *v, const bool shown[TOP_COLUMN_COUNT], const struct top_row *row, FILE *to) {
        char text[LINE_MAX_BYTES], cell[32];
        size_t length = 0;

        for (int i = 0; i < TOP_COLUMN_COUNT; i++) {
                if (!shown[i])
                        continue;
                format_cell(row, (enum top_column)i, cell, sizeof cell);
                length += (size_t)snprintf(text + length, sizeof text - length, "%s%*s", length ? " " : "", columns[i].width, cell);
        }
        line(v, to, NULL, "%s", text);
}

/* ---- pictures ---- */

static void write_footer(const struct top_view *v, const struct top_frame *frame, FILE *to) {
        static const char keys[] = "q quit  h help  space pause  < > order by another column  r reverse";
        char text[LINE_MAX_BYTES];
        size_t length;

        if (v->banner)
                (void)snprintf(text, sizeof text, "%s", v->banner);
        else if (v->paused)
                (void)snprintf(text, sizeof text, "PAUSED: space goes on, q quits");
        else
                (void)snprintf(text, sizeof text, "%s%s", keys, v->first_row > 0 || frame->n_rows > v->height - head_lines(frame) - 1 ? "  up, down" : "");
        length = strlen(text);
        (void)fprintf(to, "%s%.*s%s", v->attributes ? bold : "", (int)(length < v->width ? length : v->width), text, v->attributes ? reset : "");
}

static void write_help(const struct top_view *v, FILE *to) {
        unsigned int room = v->height > 0 ? v->height - 1 : 100;

        if (room > 0) {
                line(v, to, bold, "restmarkctl top");
                room--;
        }
        for (size_t i = 0; i < TOP_COLUMN_COUNT && room > 0; i++, room--)
                line(v, to, NULL, "  %c      order by %-6s  %s", columns[i].key, columns[i].name, columns[i].help);
        static const char *const others[] = {
                "  < >    order by the column to the left, to the right (also the arrow keys)",
                "  r      reverse the order", "  space  pause, and go on", "  up, down, page up, page down: other rows",
                "  q      quit",
                "Rates and times are those since the last look. RSS counts shared memory in full",
                "for each process; PSS shares it out, so that it adds up.",
        };
        for (size_t i = 0; i < sizeof others / sizeof *others && room > 0; i++, room--)
                line(v, to, NULL, "%s", others[i]);
        for (; v->height > 0 && room > 0; room--)
                (void)fputc('\n', to);
        if (v->height > 0)
                (void)fprintf(to, "%s%.*s%s", v->attributes ? bold : "", (int)v->width, "any key: back", v->attributes ? reset : "");
}

static void write_rows(struct top_view *v, const struct top_frame *frame, FILE *to) {
        size_t room = v->height > head_lines(frame) + 1 ? v->height - head_lines(frame) - 1 : 0;
        bool shown[TOP_COLUMN_COUNT];

        choose_columns(v, shown);
        write_column_names(v, shown, to);
        if (v->height == 0)
                room = frame->n_rows;
        if (v->first_row + room > frame->n_rows)
                v->first_row = frame->n_rows > room ? frame->n_rows - room : 0;
        for (size_t i = 0; i < room; i++)
                if (v->first_row + i < frame->n_rows)
                        write_row(v, shown, &frame->rows[v->first_row + i], to);
                else
                        (void)fputc('\n', to);
}

void top_view_write(struct top_view *v, const struct top_frame *frame, FILE *to) {
        if (v->help) {
                write_help(v, to);
                return;
        }
        if (v->height > 0 && v->height < head_lines(frame) + 2) { /* no room for anything but a line */
                char rate[24];

                (void)fprintf(to, "%.*s", (int)v->width, number(frame->totals.rates.requests_per_s, rate, sizeof rate));
                return;
        }
        write_totals(v, frame, to);
        if (v->height > 0) {
                write_curve(v, to);
                (void)fputc('\n', to);
        }
        write_rows(v, frame, to);
        if (v->height > 0)
                write_footer(v, frame, to);
}

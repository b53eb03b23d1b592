#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "act/handover.h"
#include "base/number.h"

static const char magic[] = "restmark-handover";

struct number_row {
        const char *name;
        size_t offset;
        int64_t min, max;
};

struct text_row {
        const char *name;
        size_t offset;
};

static const struct number_row numbers[] = {
#define ROW(name, min, max) { #name, offsetof(struct handover, name), min, max },
        HANDOVER_NUMBERS(ROW)
#undef ROW
};

static const struct text_row texts[] = {
#define ROW(name) { #name, offsetof(struct handover, name) },
        HANDOVER_TEXTS(ROW)
#undef ROW
};

enum { N_NUMBERS = sizeof numbers / sizeof *numbers, N_TEXTS = sizeof texts / sizeof *texts };

/* ---- writing ---- */

static void write_text(const char *name, const char *text, FILE *to) {
        (void)fprintf(to, "%s ", name);
        for (const char *c = text; *c; c++)
                if ((unsigned char)*c < 0x20 || *c == '\\')
                        (void)fprintf(to, "\\%02x", (unsigned char)*c);
                else
                        (void)fputc(*c, to);
        (void)fputc('\n', to);
}

void handover_write(const struct handover *h, FILE *to) {
        (void)fprintf(to, "%s %d\n", magic, HANDOVER_VERSION);
        for (size_t i = 0; i < N_NUMBERS; i++)
                (void)fprintf(to, "%s %lld\n", numbers[i].name,
                              (long long)*(const int64_t *)(const void *)((const char *)h + numbers[i].offset));
        for (size_t i = 0; i < N_TEXTS; i++)
                write_text(texts[i].name, (const char *)h + texts[i].offset, to);
        for (size_t i = 0; i < h->n_sockets; i++)
                (void)fprintf(to, "socket %u %u %d\n", h->sockets[i].slot, h->sockets[i].address, h->sockets[i].fd);
        for (size_t i = 0; i < h->n_children; i++) {
                const struct handover_child *c = &h->children[i];

                (void)fprintf(to, "child %u %u %u %u %llu %u %d %d %d\n", c->slot, c->seat, (unsigned int)c->state, c->failures,
                              (unsigned long long)c->deadline_ms, c->generation, c->pid, c->link, c->cell);
        }
        for (size_t i = 0; i < h->n_admin; i++)
                (void)fprintf(to, "admin %d\n", h->admin[i]);
        for (size_t i = 0; i < h->n_clients; i++)
                (void)fprintf(to, "client %d\n", h->clients[i]);
        for (size_t i = 0; i < h->n_callers; i++)
                (void)fprintf(to, "caller %d\n", h->callers[i]);
        (void)fputs("end\n", to);
}

/* ---- reading ---- */

struct reader {
        struct handover *h;
        bool seen_numbers[N_NUMBERS], seen_texts[N_TEXTS], ended;
};

/* Reads "-1" or a whole number within bounds from the text up to a blank or the end, and moves *at behind it. */
static int read_number(const char **at, int64_t min, int64_t max, int64_t *ret) {
        const char *text = *at;
        size_t length = strcspn(text, " ");
        uint64_t value;

        *at += length + (text[length] == ' ');
        if (length == 2 && memcmp(text, "-1", 2) == 0) {
                *ret = -1;
                return min <= -1 ? 0 : -ERANGE;
        }
        if (number_parse(text, length, &value) < 0 || value > INT64_MAX)
                return -EINVAL;
        *ret = (int64_t)value;
        return *ret < min || *ret > max ? -ERANGE : 0;
}

static int read_numbers(const char *at, size_t n, const int64_t (*bounds)[2], int64_t *ret) {
        for (size_t i = 0; i < n; i++)
                if (!*at || read_number(&at, bounds[i][0], bounds[i][1], &ret[i]) < 0)
                        return -EINVAL;
        return *at ? -EINVAL : 0;
}

static int take_socket(struct handover *h, const char *values) {
        static const int64_t bounds[][2] = { { 0, RESTMARK_SLOTS_MAX - 1 }, { 0, RESTMARK_LISTEN_MAX - 1 }, { 0, INT_MAX } };
        int64_t v[3];

        if (h->n_sockets == HANDOVER_SOCKETS_MAX || read_numbers(values, 3, bounds, v) < 0)
                return -EINVAL;
        h->sockets[h->n_sockets++] = (struct handover_socket){ (unsigned int)v[0], (unsigned int)v[1], (int)v[2] };
        return 0;
}

static int take_child(struct handover *h, const char *values) {
        static const int64_t bounds[][2] = { { 0, RESTMARK_SLOTS_MAX - 1 },
                                             { 0, RESTMARK_SEATS - 1 },
                                             { 1, RESTMARK_SLOT_STATE_COUNT - 1 },
                                             { 0, INT_MAX },
                                             { 0, INT64_MAX },
                                             { 0, UINT32_MAX },
                                             { 0, INT_MAX },
                                             { -1, INT_MAX },
                                             { -1, INT_MAX } };
        int64_t v[9];

        if (h->n_children == HANDOVER_CHILDREN_MAX || read_numbers(values, 9, bounds, v) < 0)
                return -EINVAL;
        for (size_t i = 0; i < h->n_children; i++)
                if (h->children[i].slot == v[0] && h->children[i].seat == v[1])
                        return -EINVAL;
        h->children[h->n_children++] = (struct handover_child){ .slot = (unsigned int)v[0],
                                                                .seat = (unsigned int)v[1],
                                                                .state = (enum restmark_slot_state)v[2],
                                                                .failures = (unsigned int)v[3],
                                                                .deadline_ms = (uint64_t)v[4],
                                                                .generation = (unsigned int)v[5],
                                                                .pid = (int)v[6],
                                                                .link = (int)v[7],
                                                                .cell = (int)v[8] };
        return 0;
}

static int take_descriptor(int *list, size_t *n, size_t max, const char *values) {
        static const int64_t bounds[][2] = { { 0, INT_MAX } };
        int64_t v[1];

        if (*n == max || read_numbers(values, 1, bounds, v) < 0)
                return -EINVAL;
        list[(*n)++] = (int)v[0];
        return 0;
}

/* The reverse of write_text(). */
static int take_text(const char *text, char *out) {
        size_t length = 0;

        for (; *text; text++) {
                int c = (unsigned char)*text;

                if (c == '\\') {
                        c = number_hex_byte(text + 1);
                        text += 2;
                }
                if (c <= 0 || length == HANDOVER_TEXT_MAX - 1)
                        return -EINVAL;
                out[length++] = (char)c;
        }
        out[length] = '\0';
        return 0;
}

static int take_single(struct reader *r, const char *name, const char *value) {
        for (size_t i = 0; i < N_NUMBERS; i++)
                if (strcmp(numbers[i].name, name) == 0) {
                        int64_t *field = (int64_t *)(void *)((char *)r->h + numbers[i].offset);
                        const int64_t bounds[][2] = { { numbers[i].min, numbers[i].max } };

                        if (r->seen_numbers[i] || read_numbers(value, 1, bounds, field) < 0)
                                return -EINVAL;
                        r->seen_numbers[i] = true;
                        return 0;
                }
        for (size_t i = 0; i < N_TEXTS; i++)
                if (strcmp(texts[i].name, name) == 0) {
                        if (r->seen_texts[i] || take_text(value, (char *)r->h + texts[i].offset) < 0)
                                return -EINVAL;
                        r->seen_texts[i] = true;
                        return 0;
                }
        return -EINVAL;
}

/* One line, whose name and values it parts. */
static int take_line(struct reader *r, char *line) {
        char *values = strchr(line, ' ');

        if (r->ended)
                return -EINVAL;
        if (!values) {
                r->ended = true;
                return strcmp(line, "end") == 0 ? 0 : -EINVAL;
        }
        *values++ = '\0';
        if (strcmp(line, "socket") == 0)
                return take_socket(r->h, values);
        if (strcmp(line, "child") == 0)
                return take_child(r->h, values);
        if (strcmp(line, "client") == 0)
                return take_descriptor(r->h->clients, &r->h->n_clients, HANDOVER_CLIENTS_MAX, values);
        if (strcmp(line, "caller") == 0)
                return take_descriptor(r->h->callers, &r->h->n_callers, HANDOVER_CLIENTS_MAX, values);
        if (strcmp(line, "admin") == 0)
                return take_descriptor(r->h->admin, &r->h->n_admin, LISTEN_MAX, values);
        return take_single(r, line, values);
}

static int take_version(char *line, struct error *e) {
        const size_t length = sizeof magic - 1;

        if (strncmp(line, magic, length) != 0 || line[length] != ' ')
                return error_set(e, -EINVAL, "the handover does not begin with %s", magic);
        if (strcmp(line + length + 1, "4") != 0)
                return error_set(e, -EPROTO, "the handover has version %.10s, this program knows %d", line + length + 1, HANDOVER_VERSION);
        return 0;
}

_Static_assert(HANDOVER_VERSION == 4, "take_version() compares with it");

static int check_complete(const struct reader *r, struct error *e) {
        for (size_t i = 0; i < N_NUMBERS; i++)
                if (!r->seen_numbers[i])
                        return error_set(e, -EINVAL, "the handover has no %s", numbers[i].name);
        for (size_t i = 0; i < N_TEXTS; i++)
                if (!r->seen_texts[i])
                        return error_set(e, -EINVAL, "the handover has no %s", texts[i].name);
        return r->ended ? 0 : error_set(e, -EINVAL, "the handover is cut off");
}

static int parse_lines(struct reader *r, char *text, size_t size, struct error *e) {
        char *end = text + size, *line = text;

        for (unsigned int number = 1; line < end; number++) {
                char *next = memchr(line, '\n', (size_t)(end - line));
                int result;

                if (!next)
                        return error_set(e, -EINVAL, "the handover is cut off");
                *next = '\0';
                if (strlen(line) != (size_t)(next - line))
                        return error_set(e, -EINVAL, "line %u of the handover has a NUL character", number);
                result = number == 1 ? take_version(line, e) : take_line(r, line);
                if (result < 0)
                        return number == 1 ? result : error_set(e, result, "line %u of the handover makes no sense", number);
                line = next + 1;
        }
        return check_complete(r, e);
}

int handover_parse(const char *text, size_t size, struct handover *ret, struct error *e) {
        struct reader r = { .h = ret };
        char *copy = malloc(size + 1);
        int result;

        if (!copy)
                return error_set_errno(e, ENOMEM, "cannot read the handover");
        memcpy(copy, text, size);
        memset(ret, 0, sizeof *ret);
        result = parse_lines(&r, copy, size, e);
        free(copy);
        return result;
}

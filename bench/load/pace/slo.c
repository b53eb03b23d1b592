#include "pace/slo.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pace/duration.h"

static int refuse(const char *text, struct error *e) {
        return error_set(e, -EINVAL, "--slo takes percentiles and times, such as p99=50ms or p50=10ms,p99.9=1s (up to 60 s), and not \"%s\"", text);
}

/* One level. */
static int parse_level(const char *text, struct slo *ret, struct error *e) {
        struct slo slo = { .quantile = 0 };
        uint64_t limit_ns;
        double percent;
        char *end;

        if (text[0] != 'p' || !isdigit((unsigned char)text[1]))
                return refuse(text, e);
        percent = strtod(text + 1, &end);
        if (*end != '=' || !isdigit((unsigned char)end[1]) || !(percent > 0 && percent < 100))
                return refuse(text, e);
        if (duration_parse(end + 1, 0, &limit_ns) < 0 || limit_ns < 1000 || limit_ns > UINT64_C(60000000000))
                return refuse(text, e);
        slo.quantile = percent / 100;
        slo.limit_us = limit_ns / 1000;
        (void)snprintf(slo.text, sizeof slo.text, "%s", text);
        *ret = slo;
        return 0;
}

static int add_level(struct slo_set *to, const struct slo *level, struct error *e) {
        for (size_t i = 0; i < to->n; i++)
                if (to->at[i].quantile == level->quantile)
                        return error_set(e, -EINVAL, "--slo has two limits for one percentile, %s and %s: the lower one is enough", to->at[i].text,
                                         level->text);
        if (to->n == SLO_LEVELS_MAX)
                return error_set(e, -E2BIG, "--slo has more than %d levels", SLO_LEVELS_MAX);
        to->at[to->n++] = *level;
        return 0;
}

int slo_parse(const char *text, struct slo_set *to, struct error *e) {
        const char *at = text;

        for (bool more = true; more;) {
                size_t n = strcspn(at, ",");
                char word[sizeof to->at[0].text];
                struct slo level;
                int r;

                if (n >= sizeof word)
                        return refuse(text, e);
                memcpy(word, at, n);
                word[n] = '\0';
                r = parse_level(word, &level, e);
                if (r == 0)
                        r = add_level(to, &level, e);
                if (r < 0)
                        return r;
                more = at[n] == ',';
                at += n + 1;
        }
        return 0;
}

const char *slo_text(const struct slo_set *set, char memory[SLO_TEXT_BYTES]) {
        size_t at = 0;

        memory[0] = '\0';
        for (size_t i = 0; i < set->n; i++)
                at += (size_t)snprintf(memory + at, SLO_TEXT_BYTES - at, "%s%s", i ? "," : "", set->at[i].text);
        return memory;
}

unsigned int slo_judge(const struct slo_set *set, const double shares[SLO_LEVELS_MAX]) {
        unsigned int broken = 0;

        for (size_t i = 0; i < set->n; i++)
                if (shares[i] < set->at[i].quantile)
                        broken |= 1u << i;
        return broken;
}

struct slo_search slo_begin(double start) {
        return (struct slo_search){ .next = start };
}

bool slo_take(struct slo_search *s, bool held) {
        if (held)
                s->held = s->next;
        else
                s->failed = s->next;
        s->tries++;
        if (s->failed == 0)
                s->next = s->held * 2;
        else if (s->held == 0)
                s->next = s->failed / 2;
        else
                s->next = (s->held + s->failed) / 2;
        if (s->tries == SLO_TRIES_MAX || s->next < 1)
                return false;
        return s->held == 0 || s->failed == 0 || s->failed - s->held > s->held * SLO_RESOLUTION_PERCENT / 100;
}

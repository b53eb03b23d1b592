#include "script.h"

#include <string.h>

enum { REPEAT = 8, REPEAT_MORE = 512, WAIT_MS = 250 };

static unsigned int parameter(char c) {
        if (c >= '0' && c <= '9')
                return (unsigned int)(c - '0');
        if (c >= 'a' && c <= 'z')
                return (unsigned int)(c - 'a') + 10;
        return (unsigned char)c;
}

/* Those without a parameter. */
static bool take_plain(char letter, struct step *ret) {
        static const struct {
                char letter;
                enum step_kind kind;
        } plain[] = { { '.', STEP_CUT },  { '<', STEP_HALF_CLOSE }, { 'x', STEP_CLOSE },
                      { '|', STEP_OPEN }, { 'w', STEP_READING },    { 'd', STEP_DRAIN } };

        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
                if (plain[i].letter == letter) {
                        ret->kind = plain[i].kind;
                        return true;
                }
        return false;
}

/* Returns how many bytes the escape has, 0 if it is none. */
static size_t take_escape(const char *at, size_t left, struct step *ret) {
        if (left < 2)
                return 0;
        if (take_plain(at[1], ret))
                return 2;
        if (at[1] == '~') {
                *ret = (struct step){ .kind = STEP_TEXT, .text = at, .length = 1 };
                return 2;
        }
        if (left < 3)
                return 0;
        switch (at[1]) {
        case '/':
                *ret = (struct step){ .kind = STEP_PIECES, .length = parameter(at[2]) };
                return 3;
        case '+':
                *ret = (struct step){ .kind = STEP_WAIT, .wait_ms = (uint64_t)parameter(at[2]) * WAIT_MS };
                return 3;
        case '@':
                *ret = (struct step){ .kind = STEP_CHOOSE, .length = parameter(at[2]) };
                return 3;
        case '*':
        case '#':
                if (left < 4)
                        return 0;
                *ret = (struct step){ .kind = STEP_REPEAT, .text = at + 2, .length = parameter(at[3]) * (at[1] == '*' ? REPEAT : REPEAT_MORE) };
                return 4;
        default:
                return 0;
        }
}

bool script_next(struct script *s, struct step *ret) {
        size_t left = (size_t)(s->end - s->at), n;
        const char *tilde;

        if (left == 0)
                return false;
        *ret = (struct step){ .kind = STEP_TEXT };
        n = *s->at == '~' ? take_escape(s->at, left, ret) : 0;
        if (n == 0) {
                tilde = memchr(s->at + 1, '~', left - 1);
                n = tilde ? (size_t)(tilde - s->at) : left;
                *ret = (struct step){ .kind = STEP_TEXT, .text = s->at, .length = n };
        }
        s->at += n;
        return true;
}

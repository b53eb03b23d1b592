#include "fleet/intent.h"

#include <stdio.h>
#include <stdlib.h>

void intents_clear(struct intents *intents) {
        intents->n = intents->text_used = 0;
}

void intents_add(struct intents *intents, const struct intent *intent) {
        if (intents->n == INTENTS_MAX)
                abort();
        intents->list[intents->n++] = *intent;
}

static void __attribute__((format(printf, 3, 0)))
say(struct intents *intents, const struct intent *intent, const char *format, va_list arguments) {
        struct intent with_text = *intent;
        char *text = intents->text + intents->text_used;
        size_t room = INTENTS_TEXT_MAX - intents->text_used, length;
        int n;

        n = vsnprintf(text, room < INTENT_TEXT_MAX ? room : INTENT_TEXT_MAX, format, arguments);
        if (n < 0 || room <= 1)
                abort();
        length = (size_t)n < INTENT_TEXT_MAX ? (size_t)n : INTENT_TEXT_MAX - 1;
        intents->text_used += length + 1 < room ? length + 1 : room;
        with_text.text = text;
        intents_add(intents, &with_text);
}

void intents_say(struct intents *intents, const struct intent *intent, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        say(intents, intent, format, arguments);
        va_end(arguments);
}

void intents_happen(struct intents *intents, const struct happening *happening) {
        struct intent intent = { .kind = INTENT_HAPPEN, .happening = *happening };

        if (!happening->text) {
                intents_add(intents, &intent);
                return;
        }
        intent.happening.text = NULL; /* it has its own copy */
        intents_say(intents, &intent, "%s", happening->text);
}

void intents_log(struct intents *intents, int priority, const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        say(intents, &(struct intent){ .kind = INTENT_LOG, .number = priority }, format, arguments);
        va_end(arguments);
}

void intents_event(struct intents *intents, enum event_kind kind, int slot, const char *format, ...) {
        const struct intent intent = { .kind = INTENT_EVENT, .event_kind = kind, .slot = slot < 0 ? 0 : (unsigned int)slot, .flag = slot < 0 };
        va_list arguments;

        va_start(arguments, format);
        say(intents, &intent, format, arguments);
        va_end(arguments);
}

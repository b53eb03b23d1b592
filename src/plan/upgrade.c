#include "plan/upgrade.h"

#include <restmark/version.h>
#include <stdio.h>
#include <syslog.h>

#include "fleet/wish.h"

static void begin(struct upgrade *u, struct intents *out) {
        u->number = u->wanted;
        u->is_trying = true;
        intents_event(out, EVENT_UPGRADE, -1, "trying %s", u->path);
        intents_add(out, &(struct intent){ .kind = INTENT_TRY });
}

/* ---- the end ---- */

static void end(struct upgrade *u, bool ok, const char *reply, struct intents *out) {
        u->passed = u->is_leaving = u->is_trying = false;
        intents_fact(out, FACT_LEAVES, false);
        intents_add(out, &(struct intent){ .kind = INTENT_UNTRY });
        intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_UPGRADE, .ticket = u->number, .and_earlier = true, .flag = ok }, "%s", reply);
        if (u->wanted > u->number)
                begin(u, out);
}

static void fail(struct upgrade *u, const struct fleet *f, const char *why, struct intents *out) {
        unsigned int generation = f->current.number;
        char reply[1024];

        (void)snprintf(reply, sizeof reply, "%s\nnothing has changed: restmarkd %s and generation %u go on", why, RESTMARK_VERSION, generation);
        intents_log(out, LOG_ERR, "upgrade failed: %s; restmarkd %s and generation %u go on", why, RESTMARK_VERSION, generation);
        intents_event(out, EVENT_UPGRADE_FAILED, -1, "%s; restmarkd %s and generation %u go on", why, RESTMARK_VERSION, generation);
        end(u, false, reply, out);
}

/* The workers are replaced, or not: either way this program stays. */
static void finish(struct upgrade *u, bool ok, const char *reply, struct intents *out) {
        char text[1200];

        u->has_predecessor = false;
        intents_add(out, &(struct intent){ .kind = INTENT_KEEP });
        (void)snprintf(text, sizeof text, "restmarkd %s has taken over from %s\n%s", RESTMARK_VERSION, u->from, reply);
        end(u, ok, text, out);
}

static void abandon(struct upgrade *u, struct intents *out) {
        u->passed = u->is_leaving = u->is_trying = false;
        u->number = u->wanted;
        intents_fact(out, FACT_LEAVES, false);
        intents_add(out, &(struct intent){ .kind = INTENT_UNTRY });
        intents_say(out, &(struct intent){ .kind = INTENT_REPLY, .topic = TOPIC_UPGRADE, .ticket = u->wanted, .and_earlier = true }, "the daemon stops");
}

/* ---- leaving ---- */

/* Whether nothing is on its way that a new program would not know of. */
static bool is_quiet(const struct fleet *f) {
        return !f->stopping && !f->facts[FACT_RELOADS] && !f->facts[FACT_SCALES] && !f->facts[FACT_HOLDS] &&
               !wish_is_open(f, RESTMARK_CAUSE_DRAIN) && fleet_can_be_handed_over(f);
}

/* The last thing is that nothing waits anywhere: no signal or message may have been read that is not yet acted upon, as it would be lost. */
static void look_for_the_moment(struct upgrade *u, const struct fleet *f, struct intents *out) {
        if (!u->passed || u->is_leaving || !is_quiet(f))
                return;
        u->is_leaving = true;
        intents_add(out, &(struct intent){ .kind = INTENT_AWAIT_IDLE });
}

static void leave(struct upgrade *u, const struct fleet *f, struct intents *out) {
        if (!u->is_leaving)
                return;
        u->is_leaving = false;
        if (!is_quiet(f))
                return;
        intents_add(out, &(struct intent){ .kind = INTENT_EXECUTE });
}

static void follow_trial(struct upgrade *u, const struct fleet *f, const struct happening *h, struct intents *out) {
        if (!u->is_trying)
                return;
        u->is_trying = false;
        if (!h->ok) {
                fail(u, f, h->text, out);
                return;
        }
        intents_log(out, LOG_NOTICE, "upgrade: restmarkd %s passes its self-test", h->text);
        intents_add(out, &(struct intent){ .kind = INTENT_UNTRY });
        intents_fact(out, FACT_LEAVES, true);
        u->passed = true;
        if (!is_quiet(f))
                intents_log(out, LOG_NOTICE, "upgrade: waiting until no worker is being replaced");
        look_for_the_moment(u, f, out);
}

/* Who asks while one is on its way has that one's answer. */
static void ask(struct upgrade *u, const struct fleet *f, uint64_t ticket, struct intents *out) {
        u->wanted = ticket;
        if (f->stopping)
                abandon(u, out);
        else if (u->is_trying || u->passed)
                u->number = ticket;
        else if (u->has_predecessor)
                intents_log(out, LOG_NOTICE, "an upgrade is under way; this one follows it");
        else
                begin(u, out);
}

/* Waiting may have taken long, and a newer program may have been installed meanwhile: that has to pass the self-test, too. */
static void try_again(struct upgrade *u, struct intents *out) {
        intents_log(out, LOG_NOTICE, "upgrade: %s is not the program any more that passed its self-test; trying again", u->path);
        u->passed = false;
        intents_fact(out, FACT_LEAVES, false);
        begin(u, out);
}

void plan_upgrade(struct upgrade *u, const struct fleet *f, const struct happening *h, uint64_t now_ms, struct intents *out) {
        (void)now_ms;
        switch (h->kind) {
        case HAPPENING_UPGRADE:
                ask(u, f, h->ticket, out);
                break;
        case HAPPENING_TAKEN_OVER:
                u->has_predecessor = true;
                break;
        case HAPPENING_STOP:
                if (u->is_trying || u->passed || u->wanted > u->number || u->has_predecessor)
                        abandon(u, out);
                break;
        case HAPPENING_TRIED:
                follow_trial(u, f, h, out);
                break;
        case HAPPENING_IDLE:
                leave(u, f, out);
                break;
        case HAPPENING_OUTDATED:
                try_again(u, out);
                break;
        case HAPPENING_STAYED:
                fail(u, f, h->text, out);
                break;
        case HAPPENING_RELOADED:
                if (h->at_once && u->has_predecessor) {
                        finish(u, h->ok, h->text, out);
                        break;
                }
                look_for_the_moment(u, f, out);
                break;
        default:
                look_for_the_moment(u, f, out);
                break;
        }
}

#include "shared/status.h"

static const char *const route_names[RESTMARK_ROUTE_COUNT] = {
        [RESTMARK_ROUTE_WELCOME] = "welcome",
        [RESTMARK_ROUTE_PARSE_MSGPACK] = "parse-msgpack",
        [RESTMARK_ROUTE_ENCODE_JSON] = "encode-json",
        [RESTMARK_ROUTE_TRANSFER_DATA] = "transfer-data",
        [RESTMARK_ROUTE_MILLION_LOOP] = "million-loop",
        [RESTMARK_ROUTE_VALIDATE] = "validate",
        [RESTMARK_ROUTE_WAIT] = "wait",
        [RESTMARK_ROUTE_RECORD] = "record",
        [RESTMARK_ROUTE_SIBLING] = "sibling",
        [RESTMARK_ROUTE_DB_RECORD] = "db-record",
        [RESTMARK_ROUTE_DB_RECORDS] = "db-records",
        [RESTMARK_ROUTE_DB_SEARCH] = "db-search",
        [RESTMARK_ROUTE_DB_UPDATE] = "db-update",
        [RESTMARK_ROUTE_CACHE_RECORDS] = "cache-records",
        [RESTMARK_ROUTE_CACHE_JSON] = "cache-json",
        [RESTMARK_ROUTE_OTHER] = "other",
};

static const char *const state_names[RESTMARK_SLOT_STATE_COUNT] = {
        [RESTMARK_SLOT_EMPTY] = "empty",       [RESTMARK_SLOT_STARTING] = "starting", [RESTMARK_SLOT_READY] = "ready",
        [RESTMARK_SLOT_BACKOFF] = "backoff",   [RESTMARK_SLOT_DRAINING] = "draining", [RESTMARK_SLOT_KILLED] = "killed",
        [RESTMARK_SLOT_STOPPED] = "stopped",
};

const char *status_slot_state_name(enum restmark_slot_state state) {
        return state < RESTMARK_SLOT_STATE_COUNT ? state_names[state] : "?";
}

const char *status_route_name(enum restmark_route route) {
        return route < RESTMARK_ROUTE_COUNT ? route_names[route] : "?";
}

static const char *const cause_names[RESTMARK_CAUSE_COUNT] = {
        [RESTMARK_CAUSE_CRASH] = "crash",
        [RESTMARK_CAUSE_START] = "start",
        [RESTMARK_CAUSE_HARAKIRI] = "harakiri",
        [RESTMARK_CAUSE_WEDGED] = "wedged",
        [RESTMARK_CAUSE_MAX_REQUESTS] = "max-requests",
        [RESTMARK_CAUSE_LIFETIME] = "max-worker-lifetime",
        [RESTMARK_CAUSE_RSS] = "reload-on-rss",
        [RESTMARK_CAUSE_PSS] = "reload-on-pss",
        [RESTMARK_CAUSE_DRAIN] = "drain",
        [RESTMARK_CAUSE_RELOAD] = "reload",
        [RESTMARK_CAUSE_SCALE] = "scale",
        [RESTMARK_CAUSE_STOP] = "stop",
};

const char *status_cause_name(enum restmark_cause cause) {
        return cause < RESTMARK_CAUSE_COUNT ? cause_names[cause] : "?";
}

static const char *const close_names[RESTMARK_CLOSE_COUNT] = {
        [RESTMARK_CLOSE_IDLE] = "idle", [RESTMARK_CLOSE_EVICTED] = "evicted", [RESTMARK_CLOSE_TIMEOUT] = "timeout",
        [RESTMARK_CLOSE_GONE] = "gone", [RESTMARK_CLOSE_TLS] = "tls",         [RESTMARK_CLOSE_BINARY] = "binary",
        [RESTMARK_CLOSE_PROTOCOL] = "protocol",
};

const char *status_close_name(enum restmark_close why) {
        return why < RESTMARK_CLOSE_COUNT ? close_names[why] : "?";
}

static const char *const store_names[RESTMARK_STORE_COUNT] = { [RESTMARK_STORE_DATABASE] = "database", [RESTMARK_STORE_CACHE] = "cache" };

const char *status_store_name(enum restmark_store which) {
        return which < RESTMARK_STORE_COUNT ? store_names[which] : "?";
}

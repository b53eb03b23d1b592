#include "plan/recycle.h"

bool recycle_due(const struct config *config, const struct recycle_facts *facts, enum restmark_cause *ret) {
        uint64_t max_requests = config->max_requests + facts->dice % (config->max_requests_delta + 1);

        if (config->max_requests != 0 && facts->requests >= max_requests)
                *ret = RESTMARK_CAUSE_MAX_REQUESTS;
        else if (config->max_lifetime_ms != 0 && facts->age_ms >= config->max_lifetime_ms)
                *ret = RESTMARK_CAUSE_LIFETIME;
        else if (facts->age_ms < RECYCLE_MEMORY_AGE_MS)
                return false;
        else if (config->reload_rss_bytes != 0 && facts->rss_bytes > config->reload_rss_bytes)
                *ret = RESTMARK_CAUSE_RSS;
        else if (config->reload_pss_bytes != 0 && facts->pss_bytes > config->reload_pss_bytes)
                *ret = RESTMARK_CAUSE_PSS;
        else
                return false;
        return true;
}

bool recycle_needs_memory(const struct config *config) {
        return config->reload_rss_bytes != 0 || config->reload_pss_bytes != 0;
}

uint64_t recycle_interval_ms(const struct config *config) {
        if (config->max_requests != 0)
                return RECYCLE_REQUESTS_MS;
        if (config->max_lifetime_ms != 0)
                return RECYCLE_LIFETIME_MS;
        return recycle_needs_memory(config) ? RECYCLE_MEMORY_MS : 0;
}

#include "plan/recycle.h"

bool recycle_due(const struct policy *policy, const struct recycle_facts *facts, enum restmark_cause *ret) {
        uint64_t max_requests = policy->max_requests + facts->dice % (policy->max_requests_delta + 1);

        if (policy->max_requests != 0 && facts->requests >= max_requests)
                *ret = RESTMARK_CAUSE_MAX_REQUESTS;
        else if (policy->max_lifetime_ms != 0 && facts->age_ms >= policy->max_lifetime_ms)
                *ret = RESTMARK_CAUSE_LIFETIME;
        else if (facts->age_ms < RECYCLE_MEMORY_AGE_MS)
                return false;
        else if (policy->reload_rss_bytes != 0 && facts->rss_bytes > policy->reload_rss_bytes)
                *ret = RESTMARK_CAUSE_RSS;
        else if (policy->reload_pss_bytes != 0 && facts->pss_bytes > policy->reload_pss_bytes)
                *ret = RESTMARK_CAUSE_PSS;
        else
                return false;
        return true;
}

bool recycle_needs_memory(const struct policy *policy) {
        return policy->reload_rss_bytes != 0 || policy->reload_pss_bytes != 0;
}

uint64_t recycle_interval_ms(const struct policy *policy) {
        if (policy->max_requests != 0)
                return RECYCLE_REQUESTS_MS;
        if (policy->max_lifetime_ms != 0)
                return RECYCLE_LIFETIME_MS;
        return recycle_needs_memory(policy) ? RECYCLE_MEMORY_MS : 0;
}

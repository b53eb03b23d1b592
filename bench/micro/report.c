#include <inttypes.h>
#include <stdio.h>

#include "micro.h"

void report_table(const struct micro_result *results, size_t n, size_t rounds, size_t records) {
        printf("%zu records; medians over %zu rounds, interleaved; CPU time\n\n", records, rounds);
        printf("%-6s %-22s %10s %10s %10s  %-6s %7s %12s  %s\n", "", "", "median ns", "min", "max", "per", "ratio", "allocations",
               "");
        for (size_t i = 0; i < n; i++) {
                const struct micro_result *r = &results[i];
                char allocations[24] = "not counted";

                if (allocations_counted() >= 0)
                        (void)snprintf(allocations, sizeof allocations, "%zu/call", r->allocations);
                printf("%-6s %-22s %10.2f %10.2f %10.2f  %-6s %6.2fx %12s  %s\n", r->what->group, r->what->name, r->median_ns,
                       r->min_ns, r->max_ns, r->what->item, r->ratio, allocations, r->what->what);
        }
}

void report_json(const struct micro_result *results, size_t n, size_t rounds, size_t records) {
        printf("{\"schema\": \"restmark-micro/1\", \"records\": %zu, \"rounds\": %zu, \"clock\": \"thread cpu time\", \"cases\": [",
               records, rounds);
        for (size_t i = 0; i < n; i++) {
                const struct micro_result *r = &results[i];

                printf("%s\n  {\"group\": \"%s\", \"name\": \"%s\", \"item\": \"%s\", \"median_ns_per_item\": %.3f, "
                       "\"min_ns_per_item\": %.3f, \"max_ns_per_item\": %.3f, \"ratio_to_first_of_group\": %.3f, "
                       "\"calls_per_round\": %zu, \"allocations_per_call\": ",
                       i ? "," : "", r->what->group, r->what->name, r->what->item, r->median_ns, r->min_ns, r->max_ns, r->ratio,
                       r->calls);
                if (allocations_counted() >= 0)
                        printf("%zu}", r->allocations);
                else
                        printf("null}");
        }
        printf("\n]}\n");
}

/* What the fuzzers share. */
#ifndef RESTMARK_TESTS_FUZZ_H
#define RESTMARK_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The entry points that libFuzzer knows, and replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Says what does not hold and ends the process, which is a finding. */
void fuzz_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#define REQUIRE(holds, ...) ((holds) ? (void)0 : fuzz_fail(__VA_ARGS__))

/* The same, where the condition says it all. */
#define MUST(holds) REQUIRE(holds, "%s:%d: %s", __FILE__, __LINE__, #holds)

/* The lowest descriptor that is free: the same after an input as before, or some are left open (or too many were closed). */
int fuzz_free_descriptor(void);

/* A memory file with these bytes, in place of what the last call left. Returns its path, of the same file each time. */
const char *fuzz_file(const void *bytes, size_t length);

#endif

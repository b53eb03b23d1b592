/* What went wrong, in one sentence for a person. Library code fills it and returns; only main paths log it, once. */
#ifndef RESTMARK_BASE_ERROR_H
#define RESTMARK_BASE_ERROR_H

struct error {
        char text[768];
};

/* Writes the sentence (cut at the end of `text` if it is too long) and returns `code`, so that a failing function can
 * end with `return error_set(e, -EINVAL, "…")`. By convention codes are negative errno values. `e` may be NULL. */
int error_set(struct error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": " and the text of `errnum` (a positive errno value); returns -errnum. */
int error_set_errno(struct error *e, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the sentence that is there. Returns `code` unchanged. */
int error_prefix(struct error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif

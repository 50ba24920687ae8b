#include <stdint.h>
#include <uninorm.h>

/* The form is a macro over an incomplete type, which Swift does not see. */
static inline uint8_t *gh_nfkc(const uint8_t *text, size_t count, size_t *length) {
    return u8_normalize(UNINORM_NFKC, text, count, 0, length);
}

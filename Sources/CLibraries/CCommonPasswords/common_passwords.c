#include "CCommonPasswords.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

/* Embedded by the C compiler: as a Swift array literal the same bytes take a quarter of a minute to compile. */
static const uint8_t list[] = {
#embed "common-passwords.txt"
};

const uint8_t *gh_common_passwords(size_t *size) {
    *size = sizeof list;
    return list;
}

/* The list of common passwords, as read-only data of the program. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* One password a line, in lower case; lines that begin with "# " are remarks. */
const uint8_t *gh_common_passwords(size_t *size);

#pragma once
#include <stddef.h>
#include <stdint.h>

/* The largest code: version 40. */
#define GH_QR_WIDTH 177

/* Makes the code of a text, with its modules in rows, 1 for dark. Returns the width; 0 where there is no code: the text is
   too long, or libqrencode is not installed. */
int gh_qr_encode(const char *text, uint8_t modules[GH_QR_WIDTH * GH_QR_WIDTH]);

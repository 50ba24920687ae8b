#define _GNU_SOURCE
#include "CQRencode.h"
#include "CLibrary.h"
#include <pthread.h>
#include <qrencode.h>

#define FUNCTIONS(X) \
    X(QRcode *, QRcode_encodeString, (const char *, int, QRecLevel, QRencodeMode, int)) \
    X(void, QRcode_free, (QRcode *))

GH_LIBRARY("libqrencode.so.4", FUNCTIONS)

static int failed = 1;

static void load(void) { failed = !find_library(); }

int gh_qr_encode(const char *text, uint8_t modules[GH_QR_WIDTH * GH_QR_WIDTH]) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (failed) return 0;
    QRcode *code = lib.QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!code) return 0;
    int width = code->width <= GH_QR_WIDTH ? code->width : 0;
    /* The lowest bit is the module; the others say what it is for. */
    for (int index = 0; index < width * width; index++) modules[index] = code->data[index] & 1;
    lib.QRcode_free(code);
    return width;
}

#define _GNU_SOURCE
#include "CQRencode.h"
#include <dlfcn.h>
#include <pthread.h>
#include <qrencode.h>

static struct {
    QRcode *(*encode)(const char *, int, QRecLevel, QRencodeMode, int);
    void (*release)(QRcode *);
} lib;

static int failed = 1;

static void load(void) {
    void *library = dlopen("libqrencode.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    *(void **)&lib.encode = dlsym(library, "QRcode_encodeString");
    *(void **)&lib.release = dlsym(library, "QRcode_free");
    failed = !lib.encode || !lib.release;
}

int gh_qr_encode(const char *text, uint8_t modules[GH_QR_WIDTH * GH_QR_WIDTH]) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (failed) return 0;
    QRcode *code = lib.encode(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!code) return 0;
    int width = code->width <= GH_QR_WIDTH ? code->width : 0;
    /* The lowest bit is the module; the others say what it is for. */
    for (int index = 0; index < width * width; index++) modules[index] = code->data[index] & 1;
    lib.release(code);
    return width;
}

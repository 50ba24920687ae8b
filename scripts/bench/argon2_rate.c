/* How many Argon2id hashes (19456 KiB, 2 passes) a second the bare function gives: what sign-ins are held against.
 *
 * usage: argon2_rate SECONDS */

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    const char password[] = "clattering brass mill";
    unsigned char salt[crypto_pwhash_SALTBYTES], hash[32];
    if (count != 2 || sodium_init() < 0) return 64;
    randombytes_buf(salt, sizeof salt);
    double started_at = now(), seconds = atof(arguments[1]);
    int hashes = 0;
    do {
        if (crypto_pwhash(hash, sizeof hash, password, sizeof password - 1, salt, 2, 19456 * 1024,
                          crypto_pwhash_ALG_ARGON2ID13))
            return 1;
        hashes++;
    } while (now() - started_at < seconds);
    printf("%.3f\n", hashes / (now() - started_at));
    return 0;
}

/* What the bare Argon2id (19456 KiB, 2 passes) gives, with the niceness of the server's hashing threads: what
 * sign-ins are held against. Prints its figures as JSON, its own CPU time in seconds.
 *
 * usage: argon2_rate SECONDS */

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double read_clock(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    const char password[] = "clattering brass mill";
    unsigned char salt[crypto_pwhash_SALTBYTES], hash[32];
    if (count != 2 || sodium_init() < 0 || nice(10) < 0) return 64;
    randombytes_buf(salt, sizeof salt);
    double started_at = read_clock(CLOCK_MONOTONIC), ends_at = started_at + atof(arguments[1]);
    int hashes = 0;
    do {
        if (crypto_pwhash(hash, sizeof hash, password, sizeof password - 1, salt, 2, 19456 * 1024,
                          crypto_pwhash_ALG_ARGON2ID13))
            return 1;
        hashes++;
    } while (read_clock(CLOCK_MONOTONIC) < ends_at);
    printf("{\"requests\":%d,\"failed\":0,\"seconds\":%.6f,\"p50\":0,\"p99\":0,\"cpu\":%.6f}\n", hashes,
           read_clock(CLOCK_MONOTONIC) - started_at, read_clock(CLOCK_PROCESS_CPUTIME_ID));
    return 0;
}

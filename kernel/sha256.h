/* sha256.h: SHA-256 (FIPS 180-4), for naming plugins by their content. */
#ifndef KN_SHA256_H
#define KN_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { KN_SHA256_BYTES = 32, KN_SHA256_HEX = 65 }; // the latter with its zero byte

typedef struct kn_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} kn_sha256;

void kn_sha256_init(kn_sha256 *sum);
void kn_sha256_add(kn_sha256 *sum, const void *data, size_t bytes);

/* Ends the sum and writes it as 64 lower case hex digits. */
void kn_sha256_hex(kn_sha256 *sum, char hex[KN_SHA256_HEX]);

#endif

/*
 * The default AES-128: vectors of the cloud's symmetric mode (CBC) and of NIST SP 800-38A (CFB).
 */
#include <string.h>

#include "../check.h"
#include "iot_import.h"

/* Key of the symmetric mode for the secret "0123456789abcdef0123456789ABCDEF" and the random
 * "ad2b3a5eb51d64f7", and the vector of every message. */
static const uint8_t s_key[16] = {0x7e, 0xea, 0x16, 0x36, 0xf7, 0x60, 0xc0, 0x1a,
                                  0x46, 0xe8, 0xb0, 0x5b, 0x7d, 0xc2, 0xa8, 0x05};
static const uint8_t s_iv[17] = "543yhjy97ae7fyfg";

/* {"name":"hello world"} with its padding, and what it becomes. */
static const char s_plain[33] = "{\"name\":\"hello world\"}\n\n\n\n\n\n\n\n\n\n";
static const uint8_t s_cipher[32] = {
    0xbf, 0x85, 0x2c, 0x09, 0x64, 0xef, 0x66, 0x04, 0x46, 0x7a, 0x49, 0x14, 0x4d, 0x03, 0x6a, 0x9b,
    0xdb, 0xec, 0x98, 0x3d, 0xa1, 0xba, 0xce, 0xea, 0xdd, 0xa3, 0x22, 0x85, 0xb2, 0x6a, 0x88, 0xf5};

/* SP 800-38A, F.3.13: CFB128-AES128, first two blocks. */
static const uint8_t s_cfb_key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                      0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
static const uint8_t s_cfb_iv[16] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
                                     0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f};
static const uint8_t s_cfb_plain[32] = {
    0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
    0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51};
static const uint8_t s_cfb_cipher[32] = {
    0x3b, 0x3f, 0xd9, 0x2e, 0xb7, 0x2d, 0xad, 0x20, 0x33, 0x34, 0x49, 0xf8, 0xe8, 0x3c, 0xfb, 0x4a,
    0xc8, 0xa6, 0x45, 0x37, 0xa0, 0xb3, 0xa9, 0x3f, 0xcd, 0xe3, 0xcd, 0xad, 0x9f, 0x1c, 0xe5, 0x8b};

static void check_cbc(void)
{
    uint8_t out[32];
    p_HAL_Aes128_t aes = HAL_Aes128_Init(s_key, s_iv, HAL_AES_ENCRYPTION);

    CHECK(aes != NULL);
    CHECK_EQ(HAL_Aes128_Cbc_Encrypt(aes, s_plain, 2, out), 0);
    CHECK(memcmp(out, s_cipher, sizeof(out)) == 0);
    CHECK(HAL_Aes128_Cbc_Decrypt(aes, s_cipher, 2, out) < 0); /* made for the other direction */
    CHECK_EQ(HAL_Aes128_Destroy(aes), 0);

    /* Block by block is the same message. In place. */
    memcpy(out, s_plain, sizeof(out));
    aes = HAL_Aes128_Init(s_key, s_iv, HAL_AES_ENCRYPTION);
    CHECK_EQ(HAL_Aes128_Cbc_Encrypt(aes, out, 1, out), 0);
    CHECK_EQ(HAL_Aes128_Cbc_Encrypt(aes, out + 16, 0, out + 16), 0);
    CHECK_EQ(HAL_Aes128_Cbc_Encrypt(aes, out + 16, 1, out + 16), 0);
    CHECK(memcmp(out, s_cipher, sizeof(out)) == 0);
    CHECK_EQ(HAL_Aes128_Destroy(aes), 0);

    aes = HAL_Aes128_Init(s_key, s_iv, HAL_AES_DECRYPTION);
    CHECK_EQ(HAL_Aes128_Cbc_Decrypt(aes, out, 2, out), 0);
    CHECK(memcmp(out, s_plain, sizeof(out)) == 0);
    CHECK_EQ(HAL_Aes128_Destroy(aes), 0);
}

/* More than the implementation handles at a time, there and back. */
static void check_long_messages(void)
{
    static uint8_t message[16 * 100];
    static uint8_t expected[16 * 100];
    p_HAL_Aes128_t aes;
    size_t i;

    for (i = 0; i < sizeof(message); i++) {
        message[i] = expected[i] = (uint8_t)(i * 7);
    }
    aes = HAL_Aes128_Init(s_key, s_iv, HAL_AES_ENCRYPTION);
    CHECK_EQ(HAL_Aes128_Cbc_Encrypt(aes, message, 100, message), 0);
    CHECK_EQ(HAL_Aes128_Destroy(aes), 0);
    CHECK(memcmp(message, expected, sizeof(message)) != 0);
    aes = HAL_Aes128_Init(s_key, s_iv, HAL_AES_DECRYPTION);
    CHECK_EQ(HAL_Aes128_Cbc_Decrypt(aes, message, 100, message), 0);
    CHECK_EQ(HAL_Aes128_Destroy(aes), 0);
    CHECK(memcmp(message, expected, sizeof(message)) == 0);
}

static void check_cfb(void)
{
    uint8_t out[32];
    p_HAL_Aes128_t aes = HAL_Aes128_Init(s_cfb_key, s_cfb_iv, HAL_AES_ENCRYPTION);

    /* Parts need not be whole blocks. */
    CHECK_EQ(HAL_Aes128_Cfb_Encrypt(aes, s_cfb_plain, 5, out), 0);
    CHECK_EQ(HAL_Aes128_Cfb_Encrypt(aes, s_cfb_plain + 5, 27, out + 5), 0);
    CHECK(memcmp(out, s_cfb_cipher, sizeof(out)) == 0);
    CHECK_EQ(HAL_Aes128_Destroy(aes), 0);

    aes = HAL_Aes128_Init(s_cfb_key, s_cfb_iv, HAL_AES_DECRYPTION);
    CHECK_EQ(HAL_Aes128_Cfb_Decrypt(aes, out, sizeof(out), out), 0);
    CHECK(memcmp(out, s_cfb_plain, sizeof(out)) == 0);
    CHECK(HAL_Aes128_Cfb_Encrypt(aes, out, 1, out) < 0); /* decrypting already */
    CHECK_EQ(HAL_Aes128_Destroy(aes), 0);
}

static void check_bad_arguments(void)
{
    uint8_t out[16];
    p_HAL_Aes128_t aes = HAL_Aes128_Init(s_key, s_iv, HAL_AES_ENCRYPTION);

    CHECK(HAL_Aes128_Init(NULL, s_iv, HAL_AES_ENCRYPTION) == NULL);
    CHECK(HAL_Aes128_Init(s_key, NULL, HAL_AES_ENCRYPTION) == NULL);
    CHECK(HAL_Aes128_Init(s_key, s_iv, (AES_DIR_t)2) == NULL);
    CHECK(HAL_Aes128_Destroy(NULL) < 0);
    CHECK(HAL_Aes128_Cbc_Encrypt(NULL, s_plain, 1, out) < 0);
    CHECK(HAL_Aes128_Cbc_Encrypt(aes, NULL, 1, out) < 0);
    CHECK(HAL_Aes128_Cbc_Encrypt(aes, s_plain, 1, NULL) < 0);
    CHECK(HAL_Aes128_Cbc_Encrypt(aes, s_plain, SIZE_MAX / 2, out) < 0); /* no such many bytes */
    CHECK_EQ(HAL_Aes128_Destroy(aes), 0);
}

int main(void)
{
    check_cbc();
    check_long_messages();
    check_cfb();
    check_bad_arguments();
    return 0;
}

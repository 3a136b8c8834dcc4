/*
 * Platform functions: AES-128 (SDK 2.21 to 3.01). The library encrypts by itself; they are declared
 * for the ports that define them. All but Init return 0, or a negative value.
 */
#ifndef IOT_IMPORT_CRYPT_H
#define IOT_IMPORT_CRYPT_H

#include "../infra_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    HAL_AES_ENCRYPTION = 0,
    HAL_AES_DECRYPTION = 1
} AES_DIR_t;

#define AES_ENCRYPTION HAL_AES_ENCRYPTION
#define AES_DECRYPTION HAL_AES_DECRYPTION

/* One AES operation. */
typedef void *p_HAL_Aes128_t;

/* Takes key and initialisation vector, 16 bytes each. Returns NULL on failure. */
p_HAL_Aes128_t HAL_Aes128_Init(const uint8_t *key, const uint8_t *iv, AES_DIR_t dir);
int HAL_Aes128_Destroy(p_HAL_Aes128_t aes);

/* CBC over `blockNum` blocks of 16 bytes. */
int HAL_Aes128_Cbc_Encrypt(p_HAL_Aes128_t aes, const void *src, size_t blockNum, void *dst);
int HAL_Aes128_Cbc_Decrypt(p_HAL_Aes128_t aes, const void *src, size_t blockNum, void *dst);

/* CFB over `length` bytes. */
int HAL_Aes128_Cfb_Encrypt(p_HAL_Aes128_t aes, const void *src, size_t length, void *dst);
int HAL_Aes128_Cfb_Decrypt(p_HAL_Aes128_t aes, const void *src, size_t length, void *dst);

#ifdef __cplusplus
}
#endif

#endif /* IOT_IMPORT_CRYPT_H */

/*
 * Platform functions: persistent key-value store. All return 0, or a negative value.
 */
#ifndef WRAPPERS_KV_H
#define WRAPPERS_KV_H

#ifdef __cplusplus
extern "C" {
#endif

/* Stores `len` bytes under `key`, of 1 to 255 bytes. With `sync` 1 they have reached the medium on
 * return. */
int HAL_Kv_Set(const char *key, const void *val, int len, int sync);

/* Reads into `buffer`, of `*buffer_len` bytes, and stores the length read there. Fails, and leaves
 * both alone, if the key is unknown or its value is longer. */
int HAL_Kv_Get(const char *key, void *buffer, int *buffer_len);

/* Forgets one key. */
int HAL_Kv_Del(const char *key);

/* Forgets all keys. */
int HAL_Kv_Erase_All(void);

#ifdef __cplusplus
}
#endif

#endif /* WRAPPERS_KV_H */

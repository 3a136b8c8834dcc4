/*
 * Platform functions: memory, locks, threads, timers, time, random numbers, text, the device's
 * identity and its firmware.
 *
 * The platform defines them; the library calls some and brings a default for those on Linux.
 * Applications may call them too. Prototypes are those of the newest release that has the function;
 * ports for SDK 2.00 and 2.01 differ in HAL_UptimeMs (32 bits) and HAL_GetPartnerID (returned a
 * pointer).
 */
#ifndef WRAPPERS_OS_H
#define WRAPPERS_OS_H

#include <stdarg.h>

#include "infra_types.h"
#include "wrappers_defs.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- Memory: as malloc, calloc, realloc and free. Sizes in bytes. --- */

void *HAL_Malloc(uint32_t size);
void *HAL_Calloc(uint32_t nmemb, uint32_t size);
void *HAL_Realloc(void *ptr, uint32_t size);
void HAL_Free(void *ptr);

/* --- Locks. A mutex is not recursive; NULL when none could be made. --- */

void *HAL_MutexCreate(void);
void HAL_MutexDestroy(void *mutex);
void HAL_MutexLock(void *mutex);
void HAL_MutexUnlock(void *mutex);

/* A counting semaphore that starts at 0. Wait returns 0, or a negative value if `timeout_ms`
 * milliseconds pass first, or the semaphore is destroyed; PLATFORM_WAIT_INFINITE waits without
 * limit. */
void *HAL_SemaphoreCreate(void);
void HAL_SemaphoreDestroy(void *sem);
void HAL_SemaphorePost(void *sem);
int HAL_SemaphoreWait(void *sem, uint32_t timeout_ms);

/* --- Threads --- */

/* Starts `work_routine(arg)` and stores the thread in `*thread_handle`. `hal_os_thread_param` may
 * be NULL; `*stack_used` receives 1 if its stack is used, else 0. Returns 0, or another value on
 * failure. */
int HAL_ThreadCreate(void **thread_handle, void *(*work_routine)(void *), void *arg,
                     hal_os_thread_param_t *hal_os_thread_param, int *stack_used);

/* Nobody will join the thread. */
void HAL_ThreadDetach(void *thread_handle);

/* Ends a thread; NULL is the calling one. In a callback of the library, that one ends when the
 * library's call is over. */
void HAL_ThreadDelete(void *thread_handle);

/* --- Timers that call `func(user_data)` once, `ms` milliseconds after their start, in a thread of
 * their own. NULL when none could be made; the others return 0 or a negative value. Stop and Delete
 * do not wait for a call that has begun; `func` may use and delete its own timer. --- */

void *HAL_Timer_Create(const char *name, void (*func)(void *), void *user_data);
int HAL_Timer_Start(void *t, int ms);
int HAL_Timer_Stop(void *t);
int HAL_Timer_Delete(void *timer);

/* --- Time, milliseconds --- */

void HAL_SleepMs(uint32_t ms);

/* Time since a fixed moment, usually the start of the system. Never goes back. */
uint64_t HAL_UptimeMs(void);

/* --- Random numbers --- */

void HAL_Srandom(uint32_t seed);

/* A number from 0 to `region` - 1. */
uint32_t HAL_Random(uint32_t region);

/* --- Text: as printf, snprintf and vsnprintf --- */

void HAL_Printf(const char *fmt, ...);
int HAL_Snprintf(char *str, const int len, const char *fmt, ...);
int HAL_Vsnprintf(char *str, const int len, const char *fmt, va_list ap);

/* --- Identity of the device --- */

/* Stores one string for the process. Returns a negative value if it is too long. */
int HAL_SetProductKey(char *product_key);
int HAL_SetProductSecret(char *product_secret);
int HAL_SetDeviceName(char *device_name);
int HAL_SetDeviceSecret(char *device_secret);

/* Reads one string back. Returns its length, or a negative value. The buffer needs room for the
 * terminator behind the bound that the prototype shows. */
int HAL_GetProductKey(char product_key[20]);
int HAL_GetProductSecret(char product_secret[64]);
int HAL_GetDeviceName(char device_name[32]);
int HAL_GetDeviceSecret(char device_secret[64]);

/* "product_key.device_name", at most 64 bytes and a terminator. Returns its length. */
int HAL_GetDeviceID(char device_id[64]);

/* Identifiers of the maker of a module and of the module, empty if there is none, at most 63 bytes
 * and a terminator. Return the length. */
int HAL_GetPartnerID(char pid_str[64]);
int HAL_GetModuleID(char mid_str[64]);

/* Identifier of the chip, at most 64 bytes and a terminator. Returns `cid_str`. */
char *HAL_GetChipID(char cid_str[65]);

/* Description of the network interface, at most 159 bytes and a terminator. Returns its length. */
int HAL_GetNetifInfo(char *nif_str);

/* 1 once the network can be used, else 0. */
int HAL_Sys_Net_Is_Ready(void);

/* --- Firmware --- */

/* Version of the firmware, at most 32 bytes and a terminator. Returns its length. SDK 2.1 and 2.21
 * misspell it. */
int HAL_GetFirmwareVersion(char *version);
int HAL_GetFirmwareVesion(char *version);

/* Takes a new firmware: Start, any number of Write, Stop. Write and Stop return 0, or a negative
 * value. */
void HAL_Firmware_Persistence_Start(void);
int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length);
int HAL_Firmware_Persistence_Stop(void);

/* Restarts the system. */
void HAL_Reboot(void);

#ifdef __cplusplus
}
#endif

#endif /* WRAPPERS_OS_H */

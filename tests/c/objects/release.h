/*
 * The structs and functions of SDK release RELEASE (200 for 2.00, ... 320 for 3.2.0) as a compiler saw them
 * when a firmware was built with that release: written down from the release's layout, not taken from this
 * library's headers, which must not matter to an object that exists already.
 */
#ifndef RELEASE_H
#define RELEASE_H

#include <stddef.h>
#include <stdint.h>

/* ---- layouts ----------------------------------------------------------------------------------- */

#if RELEASE == 200
#define PRODUCT_KEY_LEN 11
#define DEVICE_NAME_LEN 20
#define DEVICE_ID_SIZE 65
#define DEVICE_SECRET_LEN 32
#else
#define PRODUCT_KEY_LEN 20
#define DEVICE_NAME_LEN 32
#define DEVICE_SECRET_LEN 64
#if RELEASE == 301
#define DEVICE_ID_SIZE 54
#else
#define DEVICE_ID_SIZE 65
#endif
#endif

typedef struct {
    char product_key[PRODUCT_KEY_LEN + 1];
    char device_name[DEVICE_NAME_LEN + 1];
    char device_id[DEVICE_ID_SIZE];
    char device_secret[DEVICE_SECRET_LEN + 1];
} device_info_t;

typedef struct {
    char *p_url;
#if RELEASE >= 201
    int wait_time_ms;
#endif
    device_info_t *p_devinfo;
    void (*event_handle)(void *context, int event, void *p_data);
} config_t;

typedef struct {
    unsigned char *p_payload;
    unsigned short payload_len;
    int content_type; /* an enum; 0 is JSON */
    int msg_type;     /* an enum; 0 is CON */
    void *user_data;
    void (*resp_callback)(void *p_arg, void *p_message);
} message_t;

#define FITS(name, condition) typedef char name[(condition) ? 1 : -1]

#if RELEASE == 200
FITS(device_info_size, sizeof(device_info_t) == 131);
FITS(secret_offset, offsetof(device_info_t, device_secret) == 98);
FITS(config_size, sizeof(config_t) == 3 * sizeof(void *));
#else
#if RELEASE == 301
FITS(device_info_size, sizeof(device_info_t) == 173);
FITS(secret_offset, offsetof(device_info_t, device_secret) == 108);
#else
FITS(device_info_size, sizeof(device_info_t) == 184);
FITS(secret_offset, offsetof(device_info_t, device_secret) == 119);
#endif
FITS(config_size, sizeof(config_t) == 4 * sizeof(void *));
#endif
FITS(message_size, sizeof(message_t) == (sizeof(void *) == 8 ? 40 : 24));

#if RELEASE == 221 || RELEASE == 230
typedef struct {
    int priority;
    void *stack_addr;
    size_t stack_size;
    int detach_state;
    char *name;
} thread_param_t;
FITS(thread_param_size, sizeof(thread_param_t) == (sizeof(void *) == 8 ? 40 : 20));
#elif RELEASE >= 301
typedef struct {
    int priority;
    void *stack_addr;
    int stack_size;
    int detach_state;
    char *name;
} thread_param_t;
FITS(thread_param_size, sizeof(thread_param_t) == (sizeof(void *) == 8 ? 32 : 20));
#endif

/* ---- functions --------------------------------------------------------------------------------- */

void *IOT_CoAP_Init(config_t *config);
void IOT_CoAP_Deinit(void **context);
int IOT_CoAP_DeviceNameAuth(void *context);
int IOT_CoAP_Yield(void *context);
int IOT_CoAP_SendMessage(void *context, char *path, message_t *message);
int IOT_CoAP_GetMessagePayload(void *message, unsigned char **payload, int *len);
int IOT_CoAP_GetMessageCode(void *message, int *code);
void IOT_SetLogLevel(int level);

#if RELEASE >= 201 && RELEASE <= 221
void IOT_OpenLog(const char *ident);
void IOT_CloseLog(void);
#endif
#if RELEASE >= 210 && RELEASE <= 301
int HAL_SetProductKey(char *product_key);
int HAL_SetDeviceName(char *device_name);
int HAL_SetDeviceSecret(char *device_secret);
int HAL_GetProductKey(char product_key[20]);
int HAL_GetDeviceName(char device_name[32]);
int HAL_GetDeviceSecret(char device_secret[64]);
#endif
#if RELEASE >= 210 && RELEASE <= 230
int HAL_GetDeviceID(char device_id[64]);
#endif
#if RELEASE == 230
int IOT_SetupConnInfo(const char *pk, const char *dn, const char *ds, void **info);
#endif
#if RELEASE == 230 || RELEASE == 301
void IOT_DumpMemoryStats(int level);
#endif
#if RELEASE == 230 || RELEASE >= 310
int IOT_Ioctl(int option, void *data);
#endif
#if RELEASE >= 221
void *HAL_SemaphoreCreate(void);
void HAL_SemaphoreDestroy(void *sem);
void HAL_SemaphorePost(void *sem);
int HAL_SemaphoreWait(void *sem, uint32_t timeout_ms);
int HAL_ThreadCreate(void **handle, void *(*routine)(void *), void *arg, thread_param_t *param,
                     int *stack_used);
#endif

#endif /* RELEASE_H */

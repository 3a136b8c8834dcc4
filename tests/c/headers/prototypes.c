/*
 * Prototypes of all functions that the headers declare, newest release first where releases differ.
 */
#include "iot_import.h"

#include "iot_export.h"
#include "iotx_coap_ext.h"
#include "wrappers.h"

/* Initialising a pointer of the expected type fails to compile if the prototype differs. */
#define PROTOTYPE(result, name, parameters)                                                        \
    extern result(*const check_##name) parameters;                                                 \
    result(*const check_##name) parameters = name

/* CoAP client, log, set-up */
PROTOTYPE(void, IOT_CloseLog, (void));
PROTOTYPE(void, IOT_CoAP_Deinit, (iotx_coap_context_t **p_context));
PROTOTYPE(int, IOT_CoAP_DeviceNameAuth, (iotx_coap_context_t *p_context));
PROTOTYPE(int, IOT_CoAP_GetMessageCode, (void *p_message, iotx_coap_resp_code_t *p_resp_code));
PROTOTYPE(int, IOT_CoAP_GetMessagePayload, (void *p_message, unsigned char **pp_payload, int
          *p_len));
PROTOTYPE(iotx_coap_context_t *, IOT_CoAP_Init, (iotx_coap_config_t *p_config));
PROTOTYPE(int, IOT_CoAP_SendMessage, (iotx_coap_context_t *p_context, char *p_path, iotx_message_t
          *p_message));
PROTOTYPE(int, IOT_CoAP_Yield, (iotx_coap_context_t *p_context));
PROTOTYPE(void, IOT_DumpMemoryStats, (IOT_LogLevel level));
PROTOTYPE(int, IOT_Ioctl, (int option, void *data));
PROTOTYPE(void, IOT_OpenLog, (const char *ident));
PROTOTYPE(void, IOT_SetLogLevel, (IOT_LogLevel level));
PROTOTYPE(int, IOT_SetupConnInfo, (const char *product_key, const char *device_name, const char
          *device_secret, void **info_ptr));
PROTOTYPE(uint32_t, IOT_CoAP_GetCurToken, (iotx_coap_context_t *p_context));
PROTOTYPE(int, IOT_CoAP_GetMessageToken, (void *p_message, unsigned int *token));
PROTOTYPE(int, iotx_get_well_known, (iotx_coap_context_t *p_context));
PROTOTYPE(int, iotx_calc_sign, (const char *p_device_secret, const char *p_client_id, const char
          *p_device_name, const char *p_product_key, char *sign));
PROTOTYPE(int, iotx_calc_sign_with_seq, (const char *p_device_secret, const char *p_client_id, const
          char *p_device_name, const char *p_product_key, unsigned int seq, char *sign));

/* Firmware updates */
PROTOTYPE(int, IOT_OTA_Deinit, (void *handle));
PROTOTYPE(int, IOT_OTA_FetchYield, (void *handle, char *buf, uint32_t buf_len, uint32_t timeout_s));
PROTOTYPE(int, IOT_OTA_GetConfig, (void *handle, const char *configScope, const char *getType, const
          char *attributeKeys));
PROTOTYPE(int, IOT_OTA_GetLastError, (void *handle));
PROTOTYPE(void *, IOT_OTA_Init, (const char *product_key, const char *device_name, void
          *ch_signal));
PROTOTYPE(int, IOT_OTA_Ioctl, (void *handle, IOT_OTA_CmdType_t type, void *buf, size_t buf_len));
PROTOTYPE(int, IOT_OTA_IsFetchFinish, (void *handle));
PROTOTYPE(int, IOT_OTA_IsFetching, (void *handle));
PROTOTYPE(int, IOT_OTA_ReportProgress, (void *handle, IOT_OTA_Progress_t progress, const char
          *msg));
PROTOTYPE(int, IOT_OTA_ReportVersion, (void *handle, const char *version));
PROTOTYPE(int, IOT_OTA_RequestImage, (void *handle, const char *version));

/* Beyond the SDK */
PROTOTYPE(int, iotx_coap_authenticate_begin, (iotx_coap_context_t *p_context));
PROTOTYPE(int, iotx_coap_descriptor, (iotx_coap_context_t *p_context));
PROTOTYPE(iotx_coap_context_t *, iotx_coap_init_restored, (iotx_coap_config_t *p_config, const
          iotx_coap_settings_t *settings, const uint8_t *p_saved, size_t len, long long seconds));
PROTOTYPE(int, iotx_coap_save, (iotx_coap_context_t *p_context, uint8_t *p_buffer, size_t *p_len));
PROTOTYPE(int, iotx_coap_is_authenticated, (iotx_coap_context_t *p_context));
PROTOTYPE(int, iotx_coap_next_timeout, (iotx_coap_context_t *p_context));
PROTOTYPE(int, iotx_coap_process, (iotx_coap_context_t *p_context));
PROTOTYPE(void, iotx_coap_settings_init, (iotx_coap_settings_t *settings, size_t size));
PROTOTYPE(int, iotx_coap_settings_preset, (iotx_coap_settings_t *settings, int preset));
PROTOTYPE(iotx_coap_context_t *, iotx_coap_init_with, (iotx_coap_config_t *p_config, const
          iotx_coap_settings_t *settings));

/* The device info has three names and one type, so that no assignment needs a cast. */
extern iotx_deviceinfo_t *const check_info_of_2_00;
extern iotx_coap_device_info_t *const check_info_of_3_10;
iotx_deviceinfo_t *const check_info_of_2_00 = (iotx_device_info_t *)0;
iotx_coap_device_info_t *const check_info_of_3_10 = (iotx_deviceinfo_t *)0;

PROTOTYPE(int, IOT_SetupConnInfoSecure, (const char *product_key, const char *device_name, const
          char *device_secret, void **info_ptr));
PROTOTYPE(void, IOT_SetupDomain, (int domain_type));
PROTOTYPE(int, iotx_event_regist_cb, (void (*monitor_cb)(int)));
PROTOTYPE(int, iotx_event_post, (int event));

/* Platform */
PROTOTYPE(int, HAL_Aes128_Cbc_Decrypt, (p_HAL_Aes128_t aes, const void *src, size_t blockNum, void
          *dst));
PROTOTYPE(int, HAL_Aes128_Cbc_Encrypt, (p_HAL_Aes128_t aes, const void *src, size_t blockNum, void
          *dst));
PROTOTYPE(int, HAL_Aes128_Cfb_Decrypt, (p_HAL_Aes128_t aes, const void *src, size_t length, void
          *dst));
PROTOTYPE(int, HAL_Aes128_Cfb_Encrypt, (p_HAL_Aes128_t aes, const void *src, size_t length, void
          *dst));
PROTOTYPE(int, HAL_Aes128_Destroy, (p_HAL_Aes128_t aes));
PROTOTYPE(p_HAL_Aes128_t, HAL_Aes128_Init, (const uint8_t *key, const uint8_t *iv, AES_DIR_t dir));
PROTOTYPE(void *, HAL_Calloc, (uint32_t nmemb, uint32_t size));
PROTOTYPE(int, HAL_DTLSHooks_set, (dtls_hooks_t *hooks));
PROTOTYPE(DTLSContext *, HAL_DTLSSession_create, (coap_dtls_options_t *p_options));
PROTOTYPE(unsigned int, HAL_DTLSSession_free, (DTLSContext *context));
PROTOTYPE(unsigned int, HAL_DTLSSession_read, (DTLSContext *context, unsigned char *p_data, unsigned
          int *p_datalen, unsigned int timeout_ms));
PROTOTYPE(unsigned int, HAL_DTLSSession_write, (DTLSContext *context, const unsigned char *p_data,
          unsigned int *p_datalen));
PROTOTYPE(void, HAL_Firmware_Persistence_Start, (void));
PROTOTYPE(int, HAL_Firmware_Persistence_Stop, (void));
PROTOTYPE(int, HAL_Firmware_Persistence_Write, (char *buffer, uint32_t length));
PROTOTYPE(void, HAL_Free, (void *ptr));
PROTOTYPE(char *, HAL_GetChipID, (char cid_str[65]));
PROTOTYPE(int, HAL_GetDeviceID, (char device_id[64]));
PROTOTYPE(int, HAL_GetDeviceName, (char device_name[32]));
PROTOTYPE(int, HAL_GetDeviceSecret, (char device_secret[64]));
PROTOTYPE(int, HAL_GetFirmwareVersion, (char *version));
PROTOTYPE(int, HAL_GetFirmwareVesion, (char version[33]));
PROTOTYPE(int, HAL_GetModuleID, (char mid_str[64]));
PROTOTYPE(int, HAL_GetNetifInfo, (char *nif_str));
PROTOTYPE(int, HAL_GetPartnerID, (char pid_str[64]));
PROTOTYPE(int, HAL_GetProductKey, (char product_key[20]));
PROTOTYPE(int, HAL_GetProductSecret, (char product_secret[64]));
PROTOTYPE(int, HAL_Kv_Del, (const char *key));
PROTOTYPE(int, HAL_Kv_Erase_All, (void));
PROTOTYPE(int, HAL_Kv_Get, (const char *key, void *buffer, int *buffer_len));
PROTOTYPE(int, HAL_Kv_Set, (const char *key, const void *val, int len, int sync));
PROTOTYPE(void *, HAL_Malloc, (uint32_t size));
PROTOTYPE(void *, HAL_MutexCreate, (void));
PROTOTYPE(void, HAL_MutexDestroy, (void *mutex));
PROTOTYPE(void, HAL_MutexLock, (void *mutex));
PROTOTYPE(void, HAL_MutexUnlock, (void *mutex));
PROTOTYPE(void, HAL_Printf, (const char *fmt, ...));
PROTOTYPE(uint32_t, HAL_Random, (uint32_t region));
PROTOTYPE(void *, HAL_Realloc, (void *ptr, uint32_t size));
PROTOTYPE(void, HAL_Reboot, (void));
PROTOTYPE(int, HAL_SSLHooks_set, (ssl_hooks_t *hooks));
PROTOTYPE(int32_t, HAL_SSL_Destroy, (uintptr_t handle));
PROTOTYPE(uintptr_t, HAL_SSL_Establish, (const char *host, uint16_t port, const char *ca_crt, size_t
          ca_crt_len));
PROTOTYPE(int32_t, HAL_SSL_Read, (uintptr_t handle, char *buf, int len, int timeout_ms));
PROTOTYPE(int32_t, HAL_SSL_Write, (uintptr_t handle, const char *buf, int len, int timeout_ms));
PROTOTYPE(void *, HAL_SemaphoreCreate, (void));
PROTOTYPE(void, HAL_SemaphoreDestroy, (void *sem));
PROTOTYPE(void, HAL_SemaphorePost, (void *sem));
PROTOTYPE(int, HAL_SemaphoreWait, (void *sem, uint32_t timeout_ms));
PROTOTYPE(int, HAL_SetDeviceName, (char *device_name));
PROTOTYPE(int, HAL_SetDeviceSecret, (char *device_secret));
PROTOTYPE(int, HAL_SetProductKey, (char *product_key));
PROTOTYPE(int, HAL_SetProductSecret, (char *product_secret));
PROTOTYPE(void, HAL_SleepMs, (uint32_t ms));
PROTOTYPE(int, HAL_Snprintf, (char *str, const int len, const char *fmt, ...));
PROTOTYPE(void, HAL_Srandom, (uint32_t seed));
PROTOTYPE(int, HAL_Sys_Net_Is_Ready, (void));
PROTOTYPE(int32_t, HAL_TCP_Destroy, (uintptr_t fd));
PROTOTYPE(uintptr_t, HAL_TCP_Establish, (const char *host, uint16_t port));
PROTOTYPE(int32_t, HAL_TCP_Read, (uintptr_t fd, char *buf, uint32_t len, uint32_t timeout_ms));
PROTOTYPE(int32_t, HAL_TCP_Write, (uintptr_t fd, const char *buf, uint32_t len, uint32_t
          timeout_ms));
PROTOTYPE(int, HAL_ThreadCreate, (void **thread_handle, void *(*work_routine)(void *), void *arg,
          hal_os_thread_param_t *hal_os_thread_param, int *stack_used));
PROTOTYPE(void, HAL_ThreadDelete, (void *thread_handle));
PROTOTYPE(void, HAL_ThreadDetach, (void *thread_handle));
PROTOTYPE(void *, HAL_Timer_Create, (const char *name, void(*func)(void *), void *user_data));
PROTOTYPE(int, HAL_Timer_Delete, (void *timer));
PROTOTYPE(int, HAL_Timer_Start, (void *t, int ms));
PROTOTYPE(int, HAL_Timer_Stop, (void *t));
PROTOTYPE(int, HAL_UDP_bindtodevice, (intptr_t fd, const char *ifname));
PROTOTYPE(void, HAL_UDP_close, (intptr_t p_socket));
PROTOTYPE(int, HAL_UDP_close_without_connect, (intptr_t sockfd));
PROTOTYPE(int, HAL_UDP_connect, (intptr_t sockfd, const char *host, unsigned short port));
PROTOTYPE(intptr_t, HAL_UDP_create, (char *host, unsigned short port));
PROTOTYPE(intptr_t, HAL_UDP_create_without_connect, (const char *host, unsigned short port));
PROTOTYPE(int, HAL_UDP_joinmulticast, (intptr_t sockfd, char *p_group));
PROTOTYPE(int, HAL_UDP_read, (intptr_t p_socket, unsigned char *p_data, unsigned int datalen));
PROTOTYPE(int, HAL_UDP_readTimeout, (intptr_t p_socket, unsigned char *p_data, unsigned int datalen,
          unsigned int timeout));
PROTOTYPE(int, HAL_UDP_recv, (intptr_t sockfd, unsigned char *p_data, unsigned int datalen, unsigned
          int timeout_ms));
PROTOTYPE(int, HAL_UDP_recvfrom, (intptr_t sockfd, NetworkAddr *p_remote, unsigned char *p_data,
          unsigned int datalen, unsigned int timeout_ms));
PROTOTYPE(int, HAL_UDP_resolveAddress, (const char *p_host, char addr[16]));
PROTOTYPE(int, HAL_UDP_send, (intptr_t sockfd, const unsigned char *p_data, unsigned int datalen,
          unsigned int timeout_ms));
PROTOTYPE(int, HAL_UDP_sendto, (intptr_t sockfd, const NetworkAddr *p_remote, const unsigned char
          *p_data, unsigned int datalen, unsigned int timeout_ms));
PROTOTYPE(int, HAL_UDP_write, (intptr_t p_socket, const unsigned char *p_data, unsigned int
          datalen));
PROTOTYPE(uint64_t, HAL_UptimeMs, (void));
PROTOTYPE(int, HAL_Vsnprintf, (char *str, const int len, const char *format, va_list ap));
PROTOTYPE(uint32_t, HAL_Wifi_Get_IP, (char ip_str[16], const char *ifname));

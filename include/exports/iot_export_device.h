/*
 * Limits of the identity and connection strings under their SDK 2.x names, in bytes without the
 * terminator. The structs are in iotx_coap.h.
 */
#ifndef IOT_EXPORT_DEVICE_H
#define IOT_EXPORT_DEVICE_H

#include "../iotx_coap.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PRODUCT_KEY_LEN (20)
#define PRODUCT_SECRET_LEN (64)
#define DEVICE_NAME_LEN (32)
#define DEVICE_ID_LEN (64)
#define DEVICE_SECRET_LEN (64)
#define MODULE_VENDOR_ID (32)

/* MQTT connection data */
#define HOST_ADDRESS_LEN (128)
#define HOST_PORT_LEN (8)
#define CLIENT_ID_LEN (256)
#define USER_NAME_LEN (512)
#define PASSWORD_LEN (256)
#define AESKEY_STR_LEN (32)
#define AESKEY_HEX_LEN (128 / 8)

typedef iotx_device_info_t *iotx_device_info_pt;
typedef iotx_conn_info_t *iotx_conn_info_pt;

#ifdef __cplusplus
}
#endif

#endif /* IOT_EXPORT_DEVICE_H */

/*
 * Common definitions of SDK 3.x: limits of the identity strings, log levels and log functions (all
 * three in iotx_coap.h), result codes, regions of the cloud.
 */
#ifndef INFRA_DEFS_H
#define INFRA_DEFS_H

#include "exports/iot_export_errno.h"
#include "infra_types.h"
#include "iotx_coap.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The SDK release whose interface these headers follow where releases differ. */
#define IOTX_SDK_VERSION "3.2.0"
#define IOTX_SDK_REVISION "20200603.ota-fix-wrong-device-secret-issue-in-ota-demo"
#define IOTX_ALINK_VERSION "20"

/* Longest strings, in bytes without the terminator. */
#define IOTX_PARTNER_ID_LEN (64)
#define IOTX_MODULE_ID_LEN (64)
#define IOTX_NETWORK_IF_LEN (160)
#define IOTX_FIRMWARE_VER_LEN (64)
#define IOTX_FIRMWARE_VERSION_LEN (32)
#define IOTX_CUSTOMIZE_INFO_LEN (80)
#define IOTX_DOMAIN_MAX_LEN (64)
#define IOTX_HTTP_DOMAIN_NUMBER (6)
#define DEV_SIGN_HOSTNAME_MAXLEN (64)
#define DEV_SIGN_SOURCE_MAXLEN (200)
#define DEV_SIGN_CLIENT_ID_MAXLEN (200)
#define DEV_SIGN_USERNAME_MAXLEN (64)
#define DEV_SIGN_PASSWORD_MAXLEN (65)

/* Regions of the cloud, for IOTX_IOCTL_SET_REGION. */
typedef enum {
    IOTX_CLOUD_REGION_SHANGHAI = 0,
    IOTX_CLOUD_REGION_SINGAPORE = 1,
    IOTX_CLOUD_REGION_JAPAN = 2,
    IOTX_CLOUD_REGION_USA_WEST = 3,
    IOTX_CLOUD_REGION_GERMANY = 4,
    IOTX_CLOUD_REGION_CUSTOM = 5, /* a private cloud: the application gives the host */
    IOTX_CLOUD_DOMAIN_MAX = 6     /* number of regions */
} iotx_cloud_region_types_t;

/* The same type in SDK 3.x, and in 2.1 and 2.21 with its names. */
typedef iotx_cloud_region_types_t iotx_mqtt_region_types_t;
typedef iotx_cloud_region_types_t iotx_cloud_domain_types_t;
#define IOTX_CLOUD_DOMAIN_SH IOTX_CLOUD_REGION_SHANGHAI
#define IOTX_CLOUD_DOMAIN_SG IOTX_CLOUD_REGION_SINGAPORE
#define IOTX_CLOUD_DOMAIN_JP IOTX_CLOUD_REGION_JAPAN
#define IOTX_CLOUD_DOMAIN_US IOTX_CLOUD_REGION_USA_WEST
#define IOTX_CLOUD_DOMAIN_GER IOTX_CLOUD_REGION_GERMANY

/* Regions of the HTTP service. Not used by the CoAP client. */
typedef enum {
    IOTX_HTTP_REGION_SHANGHAI = 0,
    IOTX_HTTP_REGION_SINGAPORE = 1,
    IOTX_HTTP_REGION_JAPAN = 2,
    IOTX_HTTP_REGION_AMERICA = 3,
    IOTX_HTTP_REGION_GERMANY = 4,
    IOTX_HTTP_REGION_CUSTOM = 5,
    IOTX_HTTP_REGION_MAX = 6
} iotx_http_region_types_t;

#ifdef __cplusplus
}
#endif

#endif /* INFRA_DEFS_H */

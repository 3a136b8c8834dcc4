/*
 * Identity of the device under the SDK 2.x name: sizes of the strings, with the terminator where
 * the name ends in MAXLEN, and the functions that set and read them (wrappers_os.h).
 */
#ifndef IOT_IMPORT_PRODUCT_H
#define IOT_IMPORT_PRODUCT_H

#include "../exports/iot_export_device.h"
#include "../infra_types.h"
#include "../wrappers_os.h"

#define PRODUCT_KEY_MAXLEN (20 + 1)
#define PRODUCT_SECRET_MAXLEN (64 + 1)
#define DEVICE_NAME_MAXLEN (32 + 1)
#define DEVICE_ID_MAXLEN (64 + 1)
#define DEVICE_SECRET_MAXLEN (64 + 1)
#define FIRMWARE_VERSION_MAXLEN (32 + 1)
#define HAL_CID_LEN (64 + 1)
#define PID_STRLEN_MAX (64)
#define MID_STRLEN_MAX (64)
#define PID_STR_MAXLEN (64)
#define MID_STR_MAXLEN (64)
#define NIF_STRLEN_MAX (160)
#define MAC_ADDR_LEN_MAX (10)

#endif /* IOT_IMPORT_PRODUCT_H */

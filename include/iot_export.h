/*
 * The SDK's API under its SDK 2.x name.
 */
#ifndef IOT_EXPORT_H
#define IOT_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "exports/iot_export_coap.h"
#include "exports/iot_export_compat.h"
#include "exports/iot_export_device.h"
#include "exports/iot_export_errno.h"
#include "exports/iot_export_event.h"
#include "exports/iot_export_ota.h"
#include "infra_types.h"

/* The last 2.x release whose interface this is. */
#define LINKKIT_VERSION "2.3.0"

#endif /* IOT_EXPORT_H */

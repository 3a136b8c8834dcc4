/*
 * Platform functions (HAL) under their SDK 2.x name, and, as from 2.1 on, the whole API.
 */
#ifndef IOT_IMPORT_H
#define IOT_IMPORT_H

/* Sources of SDK 2.x rely on these coming along. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _PLATFORM_IS_LINUX_
#include <pthread.h>
#endif

#include "imports/iot_import_awss.h"
#include "imports/iot_import_coap.h"
#include "imports/iot_import_config.h"
#include "imports/iot_import_crypt.h"
#include "imports/iot_import_dtls.h"
#include "imports/iot_import_ota.h"
#include "imports/iot_import_product.h"
#include "imports/iot_import_tcp.h"
#include "imports/iot_import_tls.h"
#include "imports/iot_import_udp.h"
#include "infra_types.h"
#include "iot_export.h"
#include "wrappers_kv.h"
#include "wrappers_os.h"

#endif /* IOT_IMPORT_H */

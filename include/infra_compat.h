/*
 * What SDK 3.x keeps of the 2.x set-up interface: IOT_SetupConnInfo, IOT_Ioctl with its options,
 * iotx_conn_info_t (all in iotx_coap.h) and the event numbers.
 */
#ifndef INFRA_COMPAT_H
#define INFRA_COMPAT_H

#include "exports/iot_export_compat.h"
#include "exports/iot_export_event.h"
#include "infra_defs.h"
#include "infra_types.h"

#endif /* INFRA_COMPAT_H */

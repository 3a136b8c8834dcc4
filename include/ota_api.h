/*
 * Firmware updates under their SDK 3.x name.
 */
#ifndef OTA_API_H
#define OTA_API_H

#include "exports/iot_export_ota.h"

#endif /* OTA_API_H */

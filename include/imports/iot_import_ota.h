/*
 * Platform functions under their SDK 2.x name: taking a new firmware, the HAL_Firmware_Persistence
 * functions.
 */
#ifndef IOT_IMPORT_OTA_H
#define IOT_IMPORT_OTA_H

#include "../wrappers_os.h"

#endif /* IOT_IMPORT_OTA_H */

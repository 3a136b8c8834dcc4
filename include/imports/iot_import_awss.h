/*
 * Platform functions of Wi-Fi provisioning under their SDK 2.x name. They do not concern a CoAP
 * firmware; the sizes of their texts are in wrappers_defs.h.
 */
#ifndef IOT_IMPORT_AWSS_H
#define IOT_IMPORT_AWSS_H

#include "../wrappers_defs.h"

#endif /* IOT_IMPORT_AWSS_H */

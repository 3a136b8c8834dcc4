/*
 * Platform functions under their SDK 2.x name: UDP.
 */
#ifndef IOT_IMPORT_UDP_H
#define IOT_IMPORT_UDP_H

#include "../wrappers_udp.h"

#endif /* IOT_IMPORT_UDP_H */

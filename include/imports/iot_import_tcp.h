/*
 * Platform functions under their SDK 2.x name: TCP.
 */
#ifndef IOT_IMPORT_TCP_H
#define IOT_IMPORT_TCP_H

#include "../wrappers_tcp.h"

#endif /* IOT_IMPORT_TCP_H */

/*
 * Platform functions under their SDK 2.x name: TLS.
 */
#ifndef IOT_IMPORT_TLS_H
#define IOT_IMPORT_TLS_H

#include "../wrappers_tls.h"

#endif /* IOT_IMPORT_TLS_H */

/*
 * Platform functions under their SDK 2.x name: DTLS.
 */
#ifndef IOT_IMPORT_DTLS_H
#define IOT_IMPORT_DTLS_H

#include "../wrappers_dtls.h"
#include "../wrappers_os.h"

/* How the DTLS ports of SDK 2.01 to 2.21 report an error: as printf. */
#ifndef DTLS_ERR
#define DTLS_ERR(...) HAL_Printf(__VA_ARGS__)
#endif

#endif /* IOT_IMPORT_DTLS_H */

/*
 * Platform functions under their SDK 2.x name: DTLS.
 */
#ifndef IOT_IMPORT_DTLS_H
#define IOT_IMPORT_DTLS_H

#include "../wrappers_dtls.h"

#endif /* IOT_IMPORT_DTLS_H */

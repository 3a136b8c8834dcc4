/*
 * Integer types and the annotation macros of the SDK's prototypes.
 *
 * The integer types are those of <stdint.h> on every platform. SDK 3.x can define its own instead,
 * with sizes that are wrong on 64-bit machines.
 */
#ifndef INFRA_TYPES_H
#define INFRA_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "infra_config.h"

/* Direction of a parameter: read, written, optional. */
#ifndef _IN_
#define _IN_
#endif
#ifndef _OU_
#define _OU_
#endif
#ifndef _IN_OPT_
#define _IN_OPT_
#endif

/* Linkage of an API or platform function: needs no attribute on ELF. */
#ifndef DLL_IOT_API
#define DLL_IOT_API
#endif
#ifndef DLL_HAL_API
#define DLL_HAL_API
#endif

/* Mark of a function on its way out. The shorter mark of SDK 2.21 would break the compiler
 * attribute of the same name, so it is left out. */
#ifndef being_deprecated
#define being_deprecated
#endif

#ifndef IOT_TRUE
#define IOT_TRUE (1)
#endif
#ifndef IOT_FALSE
#define IOT_FALSE (0)
#endif

#endif /* INFRA_TYPES_H */

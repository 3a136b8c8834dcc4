/*
 * Weak defaults for what only the board can know or do: its number, its firmware, its restart.
 */
#define _POSIX_C_SOURCE 200809L

#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "imports/iot_import_product.h"
#include "wrappers.h"

/* ---- firmware ---------------------------------------------------------------------------------- */

/*
 * Where a board keeps its firmware only its own port can know. This one writes to the file that
 * IOTX_FIRMWARE_FILE names, which appears when it is complete; without the variable, every call fails.
 */
static pthread_mutex_t s_lock = PTHREAD_MUTEX_INITIALIZER;
static int s_fd = -1; /* the firmware that is being written, if any */
static char s_part[PATH_MAX];

/* One firmware at a time, and no cancellation of the thread that works on it. */
static int begin(void)
{
    int cancel_state;

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    (void)pthread_mutex_lock(&s_lock);
    return cancel_state;
}

static void end(int cancel_state)
{
    (void)pthread_mutex_unlock(&s_lock);
    (void)pthread_setcancelstate(cancel_state, &cancel_state);
}

static void give_up(void)
{
    if (s_fd >= 0) {
        (void)close(s_fd);
        s_fd = -1;
    }
}

static const char *target(void)
{
    const char *path = getenv("IOTX_FIRMWARE_FILE");

    return path != NULL && path[0] != '\0' ? path : NULL;
}

/* Begins anew, also when one was under way. A failure shows again in the first Write. */
WEAK void HAL_Firmware_Persistence_Start(void)
{
    int cancel_state = begin();

    give_up();
    if (target() == NULL) {
        iotx_hal_default_complain("HAL_Firmware_Persistence_Start", "IOTX_FIRMWARE_FILE", "names no file");
    } else if (iotx_hal_default_join(s_part, target(), ".part") != 0) {
        iotx_hal_default_complain("HAL_Firmware_Persistence_Start", "IOTX_FIRMWARE_FILE", "path too long");
    } else {
        s_fd = open(s_part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (s_fd < 0) {
            iotx_hal_default_complain("HAL_Firmware_Persistence_Start", s_part, NULL);
        }
    }
    end(cancel_state);
}

/* After a failure the firmware is given up. */
WEAK int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    int cancel_state = begin();
    int result = -1;

    if (s_fd < 0 || buffer == NULL) {
        iotx_hal_default_complain("HAL_Firmware_Persistence_Write", "firmware",
                                  buffer == NULL ? "no data (NULL)" : "not started, or failed before");
    } else if (iotx_hal_default_write_all(s_fd, buffer, length) != 0) {
        iotx_hal_default_complain("HAL_Firmware_Persistence_Write", s_part, NULL);
    } else {
        result = 0;
    }
    if (result != 0) {
        give_up();
    }
    end(cancel_state);
    return result;
}

WEAK int HAL_Firmware_Persistence_Stop(void)
{
    int cancel_state = begin();
    int result = -1;

    if (s_fd < 0 || target() == NULL) {
        iotx_hal_default_complain("HAL_Firmware_Persistence_Stop", "firmware",
                                  "not started, or failed before");
    } else if (iotx_hal_default_put_in_place(s_fd, s_part, target(), 1) != 0) {
        iotx_hal_default_complain("HAL_Firmware_Persistence_Stop", s_part, NULL);
    } else {
        result = 0;
    }
    give_up();
    end(cancel_state);
    return result;
}

/* ---- board ------------------------------------------------------------------------------------- */

/* Returns: which machine may be restarted, and how, only the firmware's own port can know. */
WEAK void HAL_Reboot(void)
{
    iotx_hal_default_complain("HAL_Reboot", "not available here", "the firmware's port must define it");
}

/* Boards with a device tree have their serial number there; PCs have none that any program may read. */
WEAK char *HAL_GetChipID(char cid_str[HAL_CID_LEN])
{
    ssize_t len = 0;
    ssize_t printable = 0;
    int cancel_state;
    int fd;

    if (cid_str == NULL) {
        return NULL;
    }
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    fd = open("/sys/firmware/devicetree/base/serial-number", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        len = read(fd, cid_str, HAL_CID_LEN - 1);
        (void)close(fd);
    }
    (void)pthread_setcancelstate(cancel_state, &cancel_state);
    while (printable < len && cid_str[printable] > ' ' && cid_str[printable] <= '~') {
        printable++;
    }
    cid_str[printable] = '\0';
    return cid_str;
}

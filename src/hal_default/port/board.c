/*
 * Weak defaults for what only the board can know or do: its number, its firmware, its restart.
 */
#define _POSIX_C_SOURCE 200809L

#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "imports/iot_import_product.h"
#include "trouble.h"
#include "wrappers.h"

/* ---- firmware ---------------------------------------------------------------------------------- */

/*
 * Where a board keeps its firmware only its own port can know. This one writes to the file that
 * IOTX_FIRMWARE_FILE names, which appears when it is complete; without the variable, every call fails.
 */
static pthread_mutex_t s_lock = PTHREAD_MUTEX_INITIALIZER;
static int s_fd = -1;           /* the firmware that is being written, if any */
static char s_target[PATH_MAX]; /* where it is to appear */
static char s_part[PATH_MAX];   /* where it is until then */

/* One call of the firmware: one at a time, and no cancellation of the thread that makes it. */
struct call {
    int cancel_state;
    struct iotx_hal_trouble trouble;
};

static void begin(struct call *call, const char *function)
{
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &call->cancel_state);
    iotx_hal_default_no_trouble(&call->trouble, function);
    (void)pthread_mutex_lock(&s_lock);
}

static void end(struct call *call)
{
    (void)pthread_mutex_unlock(&s_lock);
    iotx_hal_default_tell(&call->trouble);
    (void)pthread_setcancelstate(call->cancel_state, &call->cancel_state);
}

/* What was not completed does not stay, since the medium may be full of it. */
static void give_up(void)
{
    if (s_fd >= 0) {
        (void)close(s_fd);
        (void)unlink(s_part);
        s_fd = -1;
    }
}

/* Begins anew, also when one was under way. A failure shows again in the first Write. */
WEAK void HAL_Firmware_Persistence_Start(void)
{
    const char *target = iotx_hal_default_variable("IOTX_FIRMWARE_FILE");
    struct call call;

    begin(&call, "HAL_Firmware_Persistence_Start");
    give_up();
    if (target == NULL) {
        iotx_hal_default_note(&call.trouble, "IOTX_FIRMWARE_FILE", "names no file");
    } else if (iotx_hal_default_join(s_target, target, "") != 0 ||
               iotx_hal_default_join(s_part, target, ".part") != 0) {
        iotx_hal_default_note(&call.trouble, "IOTX_FIRMWARE_FILE", "path too long");
    } else {
        s_fd = iotx_hal_default_new_file(s_part);
        if (s_fd < 0) {
            iotx_hal_default_note(&call.trouble, s_part, NULL);
        }
    }
    end(&call);
}

/* After a failure the firmware is given up. */
WEAK int HAL_Firmware_Persistence_Write(char *buffer, uint32_t length)
{
    struct call call;
    int result = -1;

    begin(&call, "HAL_Firmware_Persistence_Write");
    if (s_fd < 0 || buffer == NULL) {
        iotx_hal_default_note(&call.trouble, "firmware",
                              buffer == NULL ? "no data (NULL)" : "not started, or failed before");
    } else if (iotx_hal_default_write_all(s_fd, buffer, length) != 0) {
        iotx_hal_default_note(&call.trouble, s_part, NULL);
    } else {
        result = 0;
    }
    if (result != 0) {
        give_up();
    }
    end(&call);
    return result;
}

WEAK int HAL_Firmware_Persistence_Stop(void)
{
    struct call call;
    int result = -1;

    begin(&call, "HAL_Firmware_Persistence_Stop");
    if (s_fd < 0) {
        iotx_hal_default_note(&call.trouble, "firmware", "not started, or failed before");
    } else if (iotx_hal_default_put_in_place(s_fd, s_part, s_target, 1) != 0) {
        iotx_hal_default_note(&call.trouble, s_part, NULL);
    } else {
        result = 0;
    }
    give_up(); /* once it is in place, there is no part to remove */
    end(&call);
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

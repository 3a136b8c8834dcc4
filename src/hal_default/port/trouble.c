#define _POSIX_C_SOURCE 200809L

#include "trouble.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "port.h"

void iotx_hal_default_no_trouble(struct iotx_hal_trouble *trouble, const char *function)
{
    trouble->function = function;
    trouble->line[0] = '\0';
}

void iotx_hal_default_note(struct iotx_hal_trouble *trouble, const char *subject,
                           const char *problem)
{
    char reason[80];

    if (trouble->line[0] != '\0') {
        return;
    }
    if (problem == NULL) {
        int number = errno;

        if (strerror_r(number, reason, sizeof(reason)) != 0) {
            (void)snprintf(reason, sizeof(reason), "error %d", number);
        }
        problem = reason;
    }
    /* The end of a long path tells more than its beginning. */
    if (strlen(subject) > sizeof(trouble->line) / 2) {
        subject += strlen(subject) - sizeof(trouble->line) / 2;
    }
    (void)snprintf(trouble->line, sizeof(trouble->line), "%s: %s", subject, problem);
}

void iotx_hal_default_tell(const struct iotx_hal_trouble *trouble)
{
    if (trouble->line[0] != '\0') {
        iotx_hal_default_report(trouble->function, trouble->line);
    }
}

void iotx_hal_default_complain(const char *function, const char *subject, const char *problem)
{
    struct iotx_hal_trouble trouble;

    iotx_hal_default_no_trouble(&trouble, function);
    iotx_hal_default_note(&trouble, subject, problem);
    iotx_hal_default_tell(&trouble);
}

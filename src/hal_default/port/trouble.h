/*
 * What goes wrong in the parts of the port that are C, for the log.
 *
 * Log lines leave through the firmware's HAL_Printf, which may call the platform again. So what goes wrong under a
 * lock is noted first, and told when the lock is free.
 */
#ifndef IOTX_HAL_DEFAULT_TROUBLE_H
#define IOTX_HAL_DEFAULT_TROUBLE_H

struct iotx_hal_trouble {
    const char *function; /* in which it happened */
    char line[256];       /* empty: all is well */
};

/* Begins a call of `function`, a literal. */
void iotx_hal_default_no_trouble(struct iotx_hal_trouble *trouble, const char *function);

/* Notes what happened to `subject`: `problem`, or what errno means if that is NULL. The first note counts. */
void iotx_hal_default_note(struct iotx_hal_trouble *trouble, const char *subject,
                           const char *problem);

/* Logs what was noted, if anything. */
void iotx_hal_default_tell(const struct iotx_hal_trouble *trouble);

/* All three at once, where no lock is held. */
void iotx_hal_default_complain(const char *function, const char *subject, const char *problem);

#endif

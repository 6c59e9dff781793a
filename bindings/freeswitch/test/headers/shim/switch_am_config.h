/* What FreeSWITCH's configure makes of switch_am_config.h.in, which the headers of the crate lack: for 64-bit
 * Linux, and for compiling only. */
#ifndef SWITCH_AM_CONFIG_H
#define SWITCH_AM_CONFIG_H

#define SWITCH_INT_16 short
#define SWITCH_INT_32 int
#define SWITCH_INT_64 long
#define SWITCH_SIZE_T size_t
#define SWITCH_SSIZE_T ssize_t
#define SWITCH_SIZEOF_VOIDP 8
#define SWITCH_PREFIX_DIR "/usr/local/freeswitch"
#define SWITCH_SSIZE_T_FMT "ld"
#define SWITCH_SIZE_T_FMT "lu"
#define SWITCH_INT64_T_FMT "ld"
#define SWITCH_UINT64_T_FMT "lu"

#endif

/*
 * mod_tollgate: Tollgate's number screening in FreeSWITCH.
 *
 * mod_tollgate.c	what FreeSWITCH loads: interfaces, load, shutdown
 * settings.c		tollgate.conf.xml, read and checked
 * service.c		the settings and the index in force: opened, reloaded, exchanged whole
 * screen.c		the application, and the question that a dialplan asks
 * api.c		the command "tollgate"
 * events.c		tollgate::block, tollgate::would_block, tollgate::reload
 *
 * Licensed under MIT or Apache-2.0, at your option.
 */

#ifndef MOD_TOLLGATE_H
#define MOD_TOLLGATE_H

#include <switch.h>
#include <tollgate.h>

#define TG_CONF "tollgate.conf"

/* Sizes by tollgate_direction. */
#define TG_DIRECTIONS 2

/* Enough for every message of the library that ends in a reply, a variable or an event. */
#define TG_MESSAGE 1024

/* --- settings.c: never changed once they are read --- */

typedef struct {
	const char *index;				/* the file; never NULL */
	const char *default_profile;	/* NULL: the policy's `default` */
	const char *emergency;			/* numbers that pass while there is nothing to ask, by comma */
	uint32_t watch_ms;				/* 0: nobody watches */
	uint32_t max_loss_percent;		/* as in tollgate_options */
	switch_bool_t mapped;
	switch_bool_t block_on_error[TG_DIRECTIONS];
	switch_call_cause_t cause[TG_DIRECTIONS];	/* SWITCH_CAUSE_NONE: do not hang up */
} tg_settings_t;

/* What holds where tollgate.conf.xml is missing or wrong: nothing to ask, so that on-error answers. */
void tg_settings_default(tg_settings_t *settings);
/* Reads tollgate.conf.xml into `settings`, its texts into `pool`. On failure `error` says why. */
switch_status_t tg_settings_read(tg_settings_t *settings, switch_memory_pool_t *pool, char *error, size_t size);
void tg_settings_copy(tg_settings_t *to, const tg_settings_t *from, switch_memory_pool_t *pool);
/* "CALL_REJECTED", "21", "none": false for what FreeSWITCH has no cause for. */
switch_bool_t tg_cause_parse(const char *text, switch_call_cause_t *cause);
/* Digits only, at most `most`: false for anything else. */
switch_bool_t tg_number_parse(const char *text, uint32_t most, uint32_t *number);

/* --- service.c --- */

/* What is in force. Never changed: another one takes its place, whole. */
typedef struct {
	switch_memory_pool_t *pool;
	tg_settings_t settings;
	struct tg_gate *opened;			/* service.c's; NULL: there is no index */
	struct tollgate_gate *gate;		/* its gate, or NULL */
	const char *error;				/* why there is none; NULL with a gate */
} tg_service_t;

typedef enum {
	TG_RELOAD_SWAPPED,
	TG_RELOAD_UNCHANGED,
	TG_RELOAD_ROLLED_BACK,
	TG_RELOAD_REFUSED
} tg_reload_result_t;

typedef struct {
	tg_reload_result_t result;
	const char *trigger;			/* "load", "command" or "watch" */
	char index[TG_MESSAGE];			/* the file's name */
	uint64_t generation;			/* how many indexes have taken another's place; zeros where it was refused */
	uint64_t entries_before;
	uint64_t entries;
	int32_t status;					/* a tollgate_status, for one that was refused */
	char message[TG_MESSAGE];		/* why, for one that was refused */
} tg_reload_t;

typedef struct {
	char name[48];
	uint64_t decided;
	uint64_t would_block;
} tg_list_counts_t;

/* Since the module was loaded, over all indexes that were in force. */
typedef struct {
	uint64_t allowed[TOLLGATE_REASONS];
	uint64_t blocked[TOLLGATE_REASONS];
	uint64_t allowed_total;
	uint64_t blocked_total;
	uint64_t would_block;
	uint64_t swaps;
	uint64_t refused;
	char last_refused[TG_MESSAGE];	/* why the last reload was refused; empty after one that was not */
} tg_counts_t;

switch_status_t tg_service_start(switch_memory_pool_t *pool);
/* Ends watching, waits for a reload that is under way, and closes the indexes: who asks then gets what on-error says. */
void tg_service_stop(void);
/* Behind tg_service_stop, when nobody is inside the module. */
void tg_service_free(void);
/*
 * The service in force, which stays as it is until `hold` is given back; never NULL. Takes no lock, and waits for
 * nobody. It is for a moment, in which nobody is waited for, nor written to: who exchanges the service waits for those
 * who hold the old one.
 */
const tg_service_t *tg_service_take(unsigned *hold);
void tg_service_give(unsigned hold);
/* Settings and index anew, both or none. `max_loss_percent` 0: the settings' own. False: refused. */
switch_bool_t tg_service_reload(uint32_t max_loss_percent, tg_reload_t *reload);
switch_bool_t tg_service_rollback(tg_reload_t *reload);
const char *tg_reload_text(tg_reload_result_t result);
void tg_service_counts(tg_counts_t *counts);
/* The lists of the index in force with their counts, `*count` of them, to be freed; NULL where there are none. */
struct tollgate_list *tg_service_lists(size_t *count);

/* --- screen.c --- */

typedef struct {
	int32_t direction;				/* a tollgate_direction */
	const char *profile;			/* NULL: the settings' */
	const char *home;				/* NULL: the policy's */
	const char *number;				/* NULL: the channel's */
	const char *format;				/* of an explanation; NULL: text */
	switch_call_cause_t cause;
	switch_bool_t cause_given;
} tg_question_t;

/* Why a call could not be screened: counted, and told in tollgate_error. */
typedef enum {
	TG_ERROR_NONE,
	TG_ERROR_NO_INDEX,
	TG_ERROR_UNKNOWN_PROFILE,
	TG_ERROR_UNKNOWN_REGION,
	TG_ERROR_BAD_ARGUMENTS,
	TG_ERROR_INTERNAL,
	TG_ERRORS
} tg_error_t;

typedef struct {
	tg_error_t error;				/* not TG_ERROR_NONE: the verdict is what on-error says */
	char message[TG_MESSAGE];		/* of the error */
	struct tollgate_verdict verdict;
	const char *reason;				/* the verdict's, or "error" */
} tg_answer_t;

/*
 * Reads "inbound profile=x home=SK cause=y number=…" into `question`; `text` is cut into pieces. Behind
 * number= everything is the number, so that nothing in a dialled string can be an argument. Without
 * number=, the first word that is no argument begins the number, if `bare`; else it is an error.
 */
switch_bool_t tg_question_parse(tg_question_t *question, char *text, switch_bool_t bare, char *error, size_t size);
void tg_question_query(const tg_service_t *service, const tg_question_t *question, struct tollgate_query *query);
/* Answers always, whatever is missing. */
void tg_judge(const tg_service_t *service, const tg_question_t *question, const char *number, tg_answer_t *answer);
/* The number of the question, or else the channel's; NULL where there is neither. */
const char *tg_question_number(const tg_question_t *question, switch_core_session_t *session);
/* As tg_judge, for a channel: a caller who withholds a number that the network tells is both. */
void tg_judge_channel(const tg_service_t *service, const tg_question_t *question, switch_core_session_t *session,
					  const char *number, tg_answer_t *answer);
const char *tg_error_text(tg_error_t error);
uint64_t tg_errors_counted(tg_error_t error, int32_t direction);
void tg_errors_reset(void);
/* `text` with every byte that is no printable ASCII, and the backslash, as \xNN: for logs, events and terminals. */
const char *tg_printable(const char *text, char *out, size_t size);
void tg_application(switch_core_session_t *session, const char *data);

/* --- api.c --- */

#define TG_API_SYNTAX "screen|explain|reload|rollback|status|stats|help"

switch_status_t tg_api(const char *cmd, switch_core_session_t *session, switch_stream_handle_t *stream);
void tg_completion_add(void);
void tg_completion_remove(void);

/* --- events.c --- */

switch_status_t tg_events_start(void);
void tg_events_stop(void);
/* The application decides about a call; a command tells what it would get, and the dialplan decides. */
typedef enum {
	TG_ASKED_BY_APPLICATION,
	TG_ASKED_BY_COMMAND
} tg_asked_t;

/* `cause` is how the call is hung up, by the application; SWITCH_CAUSE_NONE: it is not. */
void tg_event_call(switch_core_session_t *session, const tg_question_t *question, const char *number,
				   const tg_answer_t *answer, tg_asked_t asked, switch_call_cause_t cause);
void tg_event_reload(const tg_reload_t *reload);

#endif

/* For Emacs:
 * Local Variables:
 * mode:c
 * indent-tabs-mode:t
 * tab-width:4
 * c-basic-offset:4
 * End:
 * For VIM:
 * vim:set softtabstop=4 shiftwidth=4 tabstop=4 noet:
 */
